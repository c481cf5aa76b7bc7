"""The tables. Every column is a number or opaque bytes of fixed meaning: nothing here is text that somebody chose."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table

metadata = MetaData()

counters = Table(
    "counters",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

# One row an event. `seq` is its place in this relay's outbox towards the cloud.
events = Table(
    "events",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("id", LargeBinary(16), nullable=False, unique=True),
    Column("body", LargeBinary, nullable=False),
)

statements = Table(
    "statements",
    metadata,
    Column("subject", LargeBinary(16), primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("signature", LargeBinary(64), nullable=False),
)

# `code` is SHA-256 of an invitation's code. `short_code` is what is to be compared once the pairing is that far.
invitations = Table(
    "invitations",
    metadata,
    Column("code", LargeBinary(32), primary_key=True),
    Column("expires_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger, nullable=False, default=0),
    Column("state", String(16), nullable=False, default="open"),  # open, enrolled, revealed, confirmed, over
    Column("short_code", String(8), nullable=False, default=""),
)

# The home that is joined: at most one row, for a relay has one tenant.
home = Table(
    "home",
    metadata,
    Column("one", Integer, primary_key=True),
    Column("home", LargeBinary(32), nullable=False),
    Column("edge", LargeBinary(16), nullable=False),
    Column("network", LargeBinary(8), nullable=False),
    Column("joined_ms", BigInteger, nullable=False),
)

clips = Table(
    "clips",
    metadata,
    Column("segment", LargeBinary(16), primary_key=True),
    Column("camera", LargeBinary(16), nullable=False),
    Column("time_s", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("whole", Integer, nullable=False, default=0),
    Column("archived", Integer, nullable=False, default=0),
)
Index("clips_by_time", clips.c.time_s)
