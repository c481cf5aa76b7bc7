"""Segments that lie in other stores only are found without a look at all the rest. Stays as it is for ever."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add an index of them."""
    where = sa.text("local = 0")
    op.create_index("segments_elsewhere", "segments", ["camera", "stream", "size_bytes"], sqlite_where=where)
