"""Runs the revisions on the connection that `guardian_cloud.index.migrate` passes in."""

from alembic import context

from guardian_cloud.index.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
