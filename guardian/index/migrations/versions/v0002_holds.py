"""Footage that the owner holds, copies in further stores, and what of an event is sealed. Stays as it is for ever."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two tables and two columns."""
    op.create_table(
        "holds",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("camera", sa.String, nullable=False),
        sa.Column("start_us", sa.BigInteger, nullable=False),
        sa.Column("end_us", sa.BigInteger, nullable=False),
        sa.Column("event_id", sa.String, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
    )
    op.create_index("holds_by_time", "holds", ["camera", "start_us", "end_us"])
    op.create_index("holds_by_event", "holds", ["event_id"])
    op.create_table(
        "copies",
        sa.Column("segment_id", sa.String, primary_key=True),
        sa.Column("store", sa.String, primary_key=True),
        sa.Column("stored_us", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.add_column("segments", sa.Column("local", sa.Boolean, nullable=False, server_default="1"))
    op.add_column("events", sa.Column("details", sa.LargeBinary))
