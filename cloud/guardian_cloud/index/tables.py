"""The tables. Times are UTC microseconds. Every table of tenants has `tenant_id` and a policy; a change here needs a revision beside it.

What an event's row may hold is counted: docs/security.md justifies each column, and a test compares.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

metadata = MetaData()


def _id(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Uuid(as_uuid=False), nullable=nullable)


tenants = Table(
    "tenants",
    metadata,
    _id("tenant_id"),
    Column("name", String(80), nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column(
        "next_seq", BigInteger, nullable=False, server_default="1"
    ),  # of its events, in the order in which they became visible
    Column("next_audit", BigInteger, nullable=False, server_default="1"),
    PrimaryKeyConstraint("tenant_id"),
)

# A person at an OpenID provider. What they are called stands with their memberships: other tenants never see it.
users = Table(
    "users",
    metadata,
    _id("user_id"),
    Column("issuer", String(255), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("made_us", BigInteger, nullable=False),
    PrimaryKeyConstraint("user_id"),
    UniqueConstraint("issuer", "subject", name="users_person"),
)

members = Table(
    "members",
    metadata,
    _id("tenant_id"),
    _id("user_id"),
    Column("role", String(10), nullable=False),
    Column("name", String(120), nullable=False),
    Column("email", String(255), nullable=False),
    Column("mail", Boolean, nullable=False, server_default="0"),  # whether they want mail about alerts
    Column("joined_us", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant_id", "user_id"),
    Index("members_of_user", "user_id"),
)

invitations = Table(
    "invitations",
    metadata,
    _id("tenant_id"),
    Column("selector", LargeBinary(8), nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("role", String(10), nullable=False),
    Column("note", String(120), nullable=False),
    _id("made_by", nullable=True),  # none: the operator, by the command line
    Column("made_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("used_us", BigInteger),
    PrimaryKeyConstraint("tenant_id", "selector"),
)

enrolment_codes = Table(
    "enrolment_codes",
    metadata,
    _id("tenant_id"),
    Column("selector", LargeBinary(8), nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("role", String(10), nullable=False),
    Column("name", String(80), nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("used_us", BigInteger),
    PrimaryKeyConstraint("tenant_id", "selector"),
)

devices = Table(
    "devices",
    metadata,
    _id("tenant_id"),
    _id("device_id"),
    Column("role", String(10), nullable=False),
    Column("name", String(80), nullable=False),
    Column("denied_us", BigInteger),
    Column("enrolled_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),  # of its newest certificate
    Column("acknowledged", BigInteger, nullable=False, server_default="0"),  # of its outbox
    Column("version", String(40), nullable=False, server_default=""),
    Column("seen_us", BigInteger),
    Column("connected", Boolean, nullable=False, server_default="0"),
    Column("edge_connected", Boolean),
    Column("fleet", Text),  # JSON: readings of edge and relay, states of cameras by opaque id
    PrimaryKeyConstraint("tenant_id", "device_id"),
)

events = Table(
    "events",
    metadata,
    _id("tenant_id"),
    Column("event_id", LargeBinary(16), nullable=False),
    Column("seq", BigInteger, nullable=False),
    _id("device_id"),
    Column("camera", LargeBinary(16), nullable=False),
    Column("serial", BigInteger, nullable=False),
    Column("time_s", BigInteger, nullable=False),
    Column("kind", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("received_us", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant_id", "event_id"),
    UniqueConstraint("tenant_id", "seq", name="events_in_order"),
)

# What a member's device is to show, until it has been sent.
pushes = Table(
    "pushes",
    metadata,
    _id("tenant_id"),
    Column("seq", BigInteger, nullable=False),  # of its event
    Column("member", LargeBinary(16), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    PrimaryKeyConstraint("tenant_id", "seq", "member"),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    _id("tenant_id"),
    _id("subscription_id"),
    _id("user_id"),
    Column("member", LargeBinary(16), nullable=False),
    Column("endpoint", String(1000), nullable=False),
    Column("p256dh", LargeBinary(65), nullable=False),
    Column("auth", LargeBinary(16), nullable=False),
    Column("made_us", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant_id", "subscription_id"),
    UniqueConstraint("tenant_id", "endpoint", name="subscriptions_endpoint"),
)

commands = Table(
    "commands",
    metadata,
    _id("tenant_id"),
    _id("command_id"),
    _id("device_id"),
    _id("asked_by"),
    Column("verb", String(40), nullable=False),
    Column("message", LargeBinary, nullable=False),  # the protocol's Command as it goes down
    Column("expires_us", BigInteger, nullable=False),
    Column("done_us", BigInteger),
    Column("ok", Boolean),
    Column("code", String(60), nullable=False, server_default=""),
    Column("asked_us", BigInteger, nullable=False, server_default="0"),
    Column(
        "signed", Boolean, nullable=False, server_default="0"
    ),  # whether it carries a signature: the home alone says if it is right
    PrimaryKeyConstraint("tenant_id", "command_id"),
)

# What a home's key has said of other keys, the newest of each: kept as it came, verified before it is kept.
statements = Table(
    "statements",
    metadata,
    _id("tenant_id"),
    Column("home", LargeBinary(32), nullable=False),
    Column("subject", LargeBinary(16), nullable=False),
    _id("device_id"),  # the relay that brought it
    Column("body", LargeBinary, nullable=False),
    Column("signature", LargeBinary(64), nullable=False),
    Column("received_us", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant_id", "home", "subject"),
)

# How a home's edge was, a row each five minutes, also of the time when nobody heard it.
health = Table(
    "health",
    metadata,
    _id("tenant_id"),
    _id("device_id"),
    Column("time_s", BigInteger, nullable=False),
    Column("readings", Text, nullable=False),  # JSON
    PrimaryKeyConstraint("tenant_id", "device_id", "time_s"),
)

# What is still to be handed on, written in the transaction that it is about.
outbox = Table(
    "outbox",
    metadata,
    _id("outbox_id"),
    _id("tenant_id"),
    Column("kind", String(20), nullable=False),
    Column("body", Text, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    PrimaryKeyConstraint("outbox_id"),
)

audit = Table(
    "audit",
    metadata,
    _id("tenant_id"),
    Column("number", BigInteger, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("actor", String(60), nullable=False),
    Column("action", String(60), nullable=False),
    Column("object", String(200), nullable=False),
    Column("origin", String(50), nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    PrimaryKeyConstraint("tenant_id", "number"),
)
