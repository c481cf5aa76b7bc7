"""What things did at zones and lines stands beside their events. Stays as it is for ever."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; events that are there did nothing that is known."""
    op.add_column("events", sa.Column("happenings", sa.Text, nullable=False, server_default="[]"))
