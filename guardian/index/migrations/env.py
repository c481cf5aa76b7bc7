"""Runs the migrations on the connection that `guardian.index.engine.upgrade` passes in."""

from alembic import context

from guardian.index.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
