"""Tenants and everything of theirs."""

import sqlalchemy as sa
from alembic import op
from guardian_cloud.index.isolation import for_jobs, isolate, own_rows

revision = "0001"
down_revision = None


def upgrade() -> None:
    _people()
    _fleet()
    _happenings()
    if op.get_bind().dialect.name == "postgresql":
        _close()


def _people() -> None:
    op.create_table(
        "tenants",
        sa.Column("tenant_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("made_us", sa.BigInteger, nullable=False),
        sa.Column("next_seq", sa.BigInteger, nullable=False, server_default="1"),
        sa.Column("next_audit", sa.BigInteger, nullable=False, server_default="1"),
        sa.PrimaryKeyConstraint("tenant_id"),
    )
    op.create_table(
        "users",
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("made_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("user_id"),
        sa.UniqueConstraint("issuer", "subject", name="users_person"),
    )
    op.create_table(
        "members",
        sa.Column("tenant_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("role", sa.String(10), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("email", sa.String(255), nullable=False),
        sa.Column("mail", sa.Boolean, nullable=False, server_default="0"),
        sa.Column("joined_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "user_id"),
    )
    op.create_index("members_of_user", "members", ["user_id"])
    op.create_table(
        "invitations",
        sa.Column("tenant_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("selector", sa.LargeBinary(8), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("role", sa.String(10), nullable=False),
        sa.Column("note", sa.String(120), nullable=False),
        sa.Column("made_by", sa.Uuid(as_uuid=False)),
        sa.Column("made_us", sa.BigInteger, nullable=False),
        sa.Column("expires_us", sa.BigInteger, nullable=False),
        sa.Column("used_us", sa.BigInteger),
        sa.PrimaryKeyConstraint("tenant_id", "selector"),
    )


def _fleet() -> None:
    op.create_table(
        "enrolment_codes",
        sa.Column("tenant_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("selector", sa.LargeBinary(8), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("role", sa.String(10), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("made_us", sa.BigInteger, nullable=False),
        sa.Column("expires_us", sa.BigInteger, nullable=False),
        sa.Column("used_us", sa.BigInteger),
        sa.PrimaryKeyConstraint("tenant_id", "selector"),
    )
    op.create_table(
        "devices",
        sa.Column("tenant_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("device_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("role", sa.String(10), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("denied_us", sa.BigInteger),
        sa.Column("enrolled_us", sa.BigInteger, nullable=False),
        sa.Column("expires_us", sa.BigInteger, nullable=False),
        sa.Column("acknowledged", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("version", sa.String(40), nullable=False, server_default=""),
        sa.Column("seen_us", sa.BigInteger),
        sa.Column("connected", sa.Boolean, nullable=False, server_default="0"),
        sa.Column("edge_connected", sa.Boolean),
        sa.Column("fleet", sa.Text),
        sa.PrimaryKeyConstraint("tenant_id", "device_id"),
    )
    op.create_table(
        "commands",
        sa.Column("tenant_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("command_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("device_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("asked_by", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("verb", sa.String(40), nullable=False),
        sa.Column("message", sa.LargeBinary, nullable=False),
        sa.Column("expires_us", sa.BigInteger, nullable=False),
        sa.Column("done_us", sa.BigInteger),
        sa.Column("ok", sa.Boolean),
        sa.Column("code", sa.String(60), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("tenant_id", "command_id"),
    )


def _happenings() -> None:
    op.create_table(
        "events",
        sa.Column("tenant_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("event_id", sa.LargeBinary(16), nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("device_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("camera", sa.LargeBinary(16), nullable=False),
        sa.Column("serial", sa.BigInteger, nullable=False),
        sa.Column("time_s", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Integer, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("received_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "event_id"),
        sa.UniqueConstraint("tenant_id", "seq", name="events_in_order"),
    )
    op.create_table(
        "pushes",
        sa.Column("tenant_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("member", sa.LargeBinary(16), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "seq", "member"),
    )
    op.create_table(
        "subscriptions",
        sa.Column("tenant_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("subscription_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("member", sa.LargeBinary(16), nullable=False),
        sa.Column("endpoint", sa.String(1000), nullable=False),
        sa.Column("p256dh", sa.LargeBinary(65), nullable=False),
        sa.Column("auth", sa.LargeBinary(16), nullable=False),
        sa.Column("made_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "subscription_id"),
        sa.UniqueConstraint("tenant_id", "endpoint", name="subscriptions_endpoint"),
    )
    op.create_table(
        "outbox",
        sa.Column("outbox_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("tenant_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("made_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("outbox_id"),
    )
    op.create_table(
        "audit",
        sa.Column("tenant_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.String(60), nullable=False),
        sa.Column("action", sa.String(60), nullable=False),
        sa.Column("object", sa.String(200), nullable=False),
        sa.Column("origin", sa.String(50), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "number"),
    )


def _close() -> None:
    for table in (
        "tenants", "members", "invitations", "enrolment_codes", "devices", "commands",
        "events", "pushes", "subscriptions", "outbox", "audit",
    ):  # fmt: skip
        for statement in isolate(table):
            op.execute(statement)
    op.execute(own_rows("members"))
    op.execute(for_jobs("tenants", "SELECT"))
    op.execute(for_jobs("outbox", "ALL"))


def downgrade() -> None:
    raise NotImplementedError("there is nothing before it")
