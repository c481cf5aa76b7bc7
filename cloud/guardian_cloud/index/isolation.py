"""Row-level security as statements: which policy a table of tenants gets. Revisions use it, and so does the test that looks for gaps.

The transaction says whose it is: `app.tenant_id`. Where none was said the setting is '' on a connection that was used before, and NULL
on a new one; nullif makes both NULL, which equals nothing: no rows, and no error. FORCE holds the tables' owner to it, too.
"""

from __future__ import annotations

# As a sub-select the setting is read once a statement; without it, once a row.
OURS = "tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)"
# One's own memberships, to be asked before a tenant is chosen.
MINE = "user_id = (SELECT nullif(current_setting('app.user_id', true), '')::uuid)"
JOBS = "guardian_cloud_jobs"  # takes work of all tenants from the outbox; sees nothing else
# Not `TO role`: a policy for a role holds for its members, and the program's user must be one to become it.
AS_JOBS = f"current_user = '{JOBS}'"


def isolate(table: str) -> list[str]:
    """Return the statements that close a table."""
    return [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY tenant ON {table} USING ({OURS}) WITH CHECK ({OURS})",
    ]


def own_rows(table: str) -> str:
    """Let a person read their own rows of a table."""
    return f"CREATE POLICY mine ON {table} FOR SELECT USING ({MINE})"


def for_jobs(table: str, doing: str) -> str:
    """Let jobs read, or take, rows of all tenants in a table."""
    return f"CREATE POLICY jobs ON {table} FOR {doing} USING ({AS_JOBS})"


def grants(user: str) -> list[str]:
    """Return the statements that let the program's user work. The audit log can be read and added to, and nothing else."""
    kept = "tenants, users, members, invitations, enrolment_codes, devices, events, pushes, subscriptions, commands, outbox, statements, health"
    return [
        f'GRANT USAGE ON SCHEMA public TO "{user}", {JOBS}',
        f'GRANT SELECT, INSERT, UPDATE, DELETE ON {kept} TO "{user}"',
        f'GRANT SELECT, INSERT ON audit TO "{user}"',
        f'GRANT SELECT ON alembic_version TO "{user}"',
        f"GRANT SELECT, DELETE, UPDATE ON outbox TO {JOBS}",  # UPDATE: SELECT … FOR UPDATE asks for it
        f"GRANT SELECT (tenant_id) ON tenants TO {JOBS}",
        f'GRANT {JOBS} TO "{user}"',
    ]
