"""What a home's key has signed, how its edge was over time, and when a command was asked."""

import sqlalchemy as sa
from alembic import op
from guardian_cloud.index.isolation import isolate

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "statements",
        sa.Column("tenant_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("home", sa.LargeBinary(32), nullable=False),
        sa.Column("subject", sa.LargeBinary(16), nullable=False),
        sa.Column("device_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary(64), nullable=False),
        sa.Column("received_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "home", "subject"),
    )
    op.create_table(
        "health",
        sa.Column("tenant_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("device_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("time_s", sa.BigInteger, nullable=False),
        sa.Column("readings", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "device_id", "time_s"),
    )
    op.add_column("commands", sa.Column("asked_us", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("commands", sa.Column("signed", sa.Boolean, nullable=False, server_default="0"))
    if op.get_bind().dialect.name == "postgresql":
        for table in ("statements", "health"):
            for statement in isolate(table):
                op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("what a home has signed would be lost")
