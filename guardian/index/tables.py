"""The tables. Times are UTC microseconds; a change here needs a migration beside it."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, Text

metadata = MetaData()

# One row a sealed segment file; all of it stands in the file's own header and table too.
segments = Table(
    "segments",
    metadata,
    Column("segment_id", String, primary_key=True),
    Column("run_id", String, nullable=False),
    Column("camera", String, nullable=False),
    Column("stream", String, nullable=False),
    Column("kind", Integer, nullable=False),
    Column("start_us", BigInteger, nullable=False),
    Column("end_us", BigInteger, nullable=False),
    Column("start_mono_us", BigInteger, nullable=False),
    Column("start_90k", BigInteger, nullable=False),
    Column("duration_90k", BigInteger, nullable=False),
    Column("codecs", String, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("path", String, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("fragments", Integer, nullable=False),
    Column("video_frames", Integer, nullable=False),
    Column("complete", Boolean, nullable=False),
    # The timeline, usage and the oldest footage are answered from this index alone; without a rowid it holds the id too.
    Index("segments_by_time", "camera", "stream", "start_us", "end_us", "codecs", "size_bytes"),
    sqlite_with_rowid=False,
)

# One row an event. zones, snapshot_box and path are JSON.
events = Table(
    "events",
    metadata,
    Column("id", String, primary_key=True),
    Column("camera", String, nullable=False),
    Column("label", String, nullable=False),
    Column("score", Float, nullable=False),
    Column("start_us", BigInteger, nullable=False),
    Column("end_us", BigInteger),
    Column("state", String, nullable=False),
    Column("zones", Text, nullable=False),
    Column("snapshot", String, nullable=False),
    Column("snapshot_us", BigInteger, nullable=False),
    Column("snapshot_box", Text),
    Column("path", Text, nullable=False),
    Index("events_by_time", "start_us", "id"),
    Index("events_by_camera", "camera", "start_us", "id"),
    Index("events_by_label", "label", "start_us", "id"),
    Index("events_by_state", "state"),
)

users = Table(
    "users",
    metadata,
    Column("name", String, primary_key=True),
    Column("password_hash", String, nullable=False),  # Argon2id, PHC string
    Column("created_us", BigInteger, nullable=False),
)

# Secrets of sessions and tokens are 256 random bits, so a plain SHA-256 of them is enough.
sessions = Table(
    "sessions",
    metadata,
    Column("secret_hash", LargeBinary(32), primary_key=True),
    Column("user", String, nullable=False, index=True),
    Column("csrf", String, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("last_used_us", BigInteger, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("user", String, nullable=False),
    Column("secret_hash", LargeBinary(32), nullable=False, unique=True),
    Column("created_us", BigInteger, nullable=False),
    Column("last_used_us", BigInteger, nullable=False),
)
