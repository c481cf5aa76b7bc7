"""The tables. Times are UTC microseconds; a change here needs a migration beside it."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, Text, text
from sqlalchemy.dialects.sqlite import Insert, insert

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
    Column("local", Boolean, nullable=False, server_default="1"),  # whether the file lies in the data folder
    # The timeline, usage and the oldest footage are answered from this index alone; without a rowid it holds the id too.
    Index("segments_by_time", "camera", "stream", "start_us", "end_us", "codecs", "size_bytes"),
    Index("segments_elsewhere", "camera", "stream", "size_bytes", sqlite_where=text("local = 0")),
    sqlite_with_rowid=False,
)

# Further stores that keep a segment; a name is that of a `[storage.tiers.NAME]`.
copies = Table(
    "copies",
    metadata,
    Column("segment_id", String, primary_key=True),
    Column("store", String, primary_key=True),
    Column("stored_us", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# Footage that is not to be deleted: what lies in the span of that camera. event_id: of which event, or empty.
holds = Table(
    "holds",
    metadata,
    Column("id", String, primary_key=True),
    Column("camera", String, nullable=False),
    Column("start_us", BigInteger, nullable=False),
    Column("end_us", BigInteger, nullable=False),
    Column("event_id", String, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Index("holds_by_time", "camera", "start_us", "end_us"),
    Index("holds_by_event", "event_id"),
)

# One row an event. zones and happenings are JSON; details is a sealed file: snapshot_box, path, sub_label,
# attributes and vector as JSON; older rows have the first two open.
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
    Column("details", LargeBinary),
    Column("happenings", Text, nullable=False, server_default="[]"),
    Index("events_by_time", "start_us", "id"),
    Index("events_by_camera", "camera", "start_us", "id"),
    Index("events_by_label", "label", "start_us", "id"),
    Index("events_by_state", "state"),
)

# What the owner thinks of events: right or wrong. It outlives its event, whose facts stand here again: details as in
# `events`, sealed.
verdicts = Table(
    "verdicts",
    metadata,
    Column("event_id", String, primary_key=True),
    Column("verdict", String, nullable=False),
    Column("given_us", BigInteger, nullable=False),
    Column("camera", String, nullable=False),
    Column("label", String, nullable=False),
    Column("score", Float, nullable=False),
    Column("start_us", BigInteger, nullable=False),
    Column("end_us", BigInteger),
    Column("details", LargeBinary),
    Index("verdicts_by_camera", "camera", "start_us"),
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


def replacing(table: Table) -> Insert:
    """Return the statement that stores rows of a table whole, in place of those with the same key. Worth making once: it takes longer
    than to run it.
    """
    statement = insert(table)
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_={one.name: statement.excluded[one.name] for one in table.c if not one.primary_key},
    )
