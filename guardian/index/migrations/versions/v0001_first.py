"""The first form: segments, events, users, sessions, tokens. What is written here stays as it is for ever."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table."""
    _segments()
    _events()
    _accounts()


def _segments() -> None:
    op.create_table(
        "segments",
        sa.Column("segment_id", sa.String, primary_key=True),
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column("camera", sa.String, nullable=False),
        sa.Column("stream", sa.String, nullable=False),
        sa.Column("kind", sa.Integer, nullable=False),
        sa.Column("start_us", sa.BigInteger, nullable=False),
        sa.Column("end_us", sa.BigInteger, nullable=False),
        sa.Column("start_mono_us", sa.BigInteger, nullable=False),
        sa.Column("start_90k", sa.BigInteger, nullable=False),
        sa.Column("duration_90k", sa.BigInteger, nullable=False),
        sa.Column("codecs", sa.String, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("path", sa.String, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("fragments", sa.Integer, nullable=False),
        sa.Column("video_frames", sa.Integer, nullable=False),
        sa.Column("complete", sa.Boolean, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("segments_by_time", "segments", ["camera", "stream", "start_us", "end_us", "codecs", "size_bytes"])


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("camera", sa.String, nullable=False),
        sa.Column("label", sa.String, nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("start_us", sa.BigInteger, nullable=False),
        sa.Column("end_us", sa.BigInteger),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("zones", sa.Text, nullable=False),
        sa.Column("snapshot", sa.String, nullable=False),
        sa.Column("snapshot_us", sa.BigInteger, nullable=False),
        sa.Column("snapshot_box", sa.Text),
        sa.Column("path", sa.Text, nullable=False),
    )
    op.create_index("events_by_time", "events", ["start_us", "id"])
    op.create_index("events_by_camera", "events", ["camera", "start_us", "id"])
    op.create_index("events_by_label", "events", ["label", "start_us", "id"])
    op.create_index("events_by_state", "events", ["state"])


def _accounts() -> None:
    op.create_table(
        "users",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("password_hash", sa.String, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "sessions",
        sa.Column("secret_hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("user", sa.String, nullable=False, index=True),
        sa.Column("csrf", sa.String, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("last_used_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("user", sa.String, nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("last_used_us", sa.BigInteger, nullable=False),
    )
