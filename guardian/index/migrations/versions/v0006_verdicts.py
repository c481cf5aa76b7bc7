"""What the owner thinks of events. Stays as it is for ever."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table."""
    op.create_table(
        "verdicts",
        sa.Column("event_id", sa.String, primary_key=True),
        sa.Column("verdict", sa.String, nullable=False),
        sa.Column("given_us", sa.BigInteger, nullable=False),
        sa.Column("camera", sa.String, nullable=False),
        sa.Column("label", sa.String, nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("start_us", sa.BigInteger, nullable=False),
        sa.Column("end_us", sa.BigInteger),
        sa.Column("details", sa.LargeBinary),
    )
    op.create_index("verdicts_by_camera", "verdicts", ["camera", "start_us"])
