"""What goes over the API. Times are RFC 3339 in UTC."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field

from guardian_cloud.api.routing import Body
from guardian_cloud.model.roles import Role

Name = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$")]


def _decoded(text: str) -> str:
    try:
        base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise ValueError("is no base64") from None
    return text


Base64 = Annotated[str, AfterValidator(_decoded), Field(json_schema_extra={"contentEncoding": "base64"})]


def moment(us: int | None) -> dt.datetime | None:
    """Return a time as it is sent."""
    return dt.datetime.fromtimestamp(us / 1e6, dt.UTC) if us is not None else None


def sure_moment(us: int) -> dt.datetime:
    """Return a time that is there."""
    return dt.datetime.fromtimestamp(us / 1e6, dt.UTC)


class MembershipOut(BaseModel):
    """A home one is a member of."""

    tenant: str
    name: str
    role: Role


class Me(BaseModel):
    """Who asks."""

    user: str
    name: str
    memberships: list[MembershipOut]


class TenantIn(Body):
    """A home to be made, or its new name."""

    name: Name = Field(description="What people call it, 1 to 80 characters.")


class TenantOut(BaseModel):
    """A home."""

    tenant: str
    name: str
    role: Role


class MemberOut(BaseModel):
    """Somebody in a home."""

    user: str
    role: Role
    name: str
    email: str
    joined: dt.datetime


class Members(BaseModel):
    """All of a home."""

    items: list[MemberOut]


class RoleIn(Body):
    """Another role."""

    role: Role = Field(description="owner, admin, viewer or guest.")


class MailIn(Body):
    """Whether one wants mail."""

    mail: bool = Field(description="true: a mail without content when something happened.")


class InvitationIn(Body):
    """An invitation to be made."""

    role: Role = Field(description="owner, admin, viewer or guest.")
    note: str = Field("", max_length=120, description="For whom it is, for your list; 120 characters at most.")


class InvitationOut(BaseModel):
    """An open invitation."""

    invitation: str
    role: Role
    note: str
    expires: dt.datetime


class InvitationMade(InvitationOut):
    """A fresh invitation, with the word that opens it: it is shown this once."""

    word: str
    link: str


class Invitations(BaseModel):
    """Open invitations."""

    items: list[InvitationOut]


class WordIn(Body):
    """An invitation to be used."""

    word: str = Field(max_length=200, description="The invitation, gci_…")


class CodeIn(Body):
    """An enrolment code to be made."""

    role: str = Field(pattern="^(relay|edge)$", description="relay or edge.")
    name: Name = Field(description="What you call the device, 1 to 80 characters.")


class CodeMade(BaseModel):
    """A fresh code: it is shown this once, and works once."""

    code: str
    expires: dt.datetime


class EnrolmentIn(Body):
    """A device that joins."""

    code: str = Field(max_length=200, description="The one-time code, gce_…")
    certificate_request: Base64 = Field(
        max_length=8192, description="PKCS #10 in DER, base64, for a P-256 key made on the device."
    )


class EnrolmentOut(BaseModel):
    """What a device needs from now on."""

    tenant: str
    device: str
    role: str
    chain: list[str] = Field(description="DER in base64, leaf first.")
    root: str = Field(description="What to trust when calling `control`; PEM.")
    control: str = Field(description="host:port of the gRPC service.")
    expires: dt.datetime
    renew: dt.datetime = Field(description="Ask for a new certificate from then on.")


class StatementOut(BaseModel):
    """A key that the home's own has signed. The cloud has verified it, and cannot make one."""

    subject: str = Field(description="Of whom it speaks: 32 hex digits.")
    role: str = Field(description="edge, relay or member.")
    number: int = Field(description="The newest of a subject is in force.")
    revoked: bool
    issued: dt.datetime
    expires: dt.datetime | None
    signing_key: str = Field(description="Its Ed25519 public key, in hex.")


class DeviceOut(BaseModel):
    """A relay or an edge. `state`: denied, connected, away or new."""

    device: str
    role: str
    name: str
    state: str
    edge_connected: bool | None
    version: str
    enrolled: dt.datetime
    seen: dt.datetime | None
    certificate_ends: dt.datetime
    readings: dict[str, Any]
    cameras: dict[str, str]
    home: str = Field(description="Public key, in hex, of the home that is joined to the relay; empty: none.")
    edge_version: str = Field(description="Of Guardian at home.")
    plugins: dict[str, str] = Field(description="Guardian's own plugins at home, and their state.")
    other_plugins: int = Field(description="How many others there are.")
    statements: list[StatementOut] = Field(description="What that home's key has signed.")


class Devices(BaseModel):
    """All of a home."""

    items: list[DeviceOut]


class EventOut(BaseModel):
    """The open part of an event."""

    event: str
    seq: int
    camera: str
    serial: int
    time: dt.datetime
    kind: str
    size: str


class Events(BaseModel):
    """A page of events, the newest first. `next`: pass it as `before` for the page behind."""

    items: list[EventOut]
    next: int | None


class Page(Body):
    """Which page."""

    before: int | None = Field(None, ge=1, description="Only what came before this number.")
    limit: int = Field(50, ge=1, le=500, description="At most so many, 1 to 500.")


class HealthSample(BaseModel):
    """How a home was for five minutes."""

    time: dt.datetime
    readings: dict[str, float]


class Health(BaseModel):
    """How a home was, the oldest first; also while nobody heard it."""

    items: list[HealthSample]


class Hours(Body):
    """How far back."""

    hours: int = Field(24, ge=1, le=192, description="So many hours, 1 to 192.")


class CommandIn(Body):
    """A command for a home: a `verb` that changes nothing, or a `message` that was made, and signed, elsewhere."""

    device: str = Field(max_length=40, description="The relay that it goes through.")
    verb: str = Field("", max_length=40, description="ping or report; the cloud makes the command.")
    message: Base64 = Field(
        "",
        max_length=100_000,
        description="What `guardian cloud sign` printed: the protocol's Command, serialised, base64.",
    )


class CommandOut(BaseModel):
    """A command and what became of it. `state`: waiting, done, failed or ended."""

    command: str
    verb: str
    state: str
    code: str = Field(description="Why it failed, as a word.")
    reason: str = Field(description="Why it failed, as a sentence.")
    signed: bool = Field(description="Whether it carries a signature; whether that is right, the home alone says.")
    asked: dt.datetime
    done: dt.datetime | None


class Commands(BaseModel):
    """The newest, the newest first."""

    items: list[CommandOut]


class SubscriptionIn(Body):
    """A browser that takes pushes."""

    member: str = Field(pattern="^[0-9a-f]{32}$", description="The device's subject in the home's statement: 32 hex digits.")
    endpoint: str = Field(max_length=1000, description="As the browser's PushSubscription has it.")
    p256dh: str = Field(max_length=100, pattern="^[A-Za-z0-9_-]+$", description="Its key, URL-safe base64 without padding.")
    auth: str = Field(max_length=40, pattern="^[A-Za-z0-9_-]+$", description="Its secret, URL-safe base64 without padding.")


class SubscriptionMade(BaseModel):
    """It will be pushed to."""

    subscription: str


class PushKey(BaseModel):
    """Our VAPID key, for `pushManager.subscribe`; empty: no push here."""

    key: str


class AuditEntry(BaseModel):
    """Who did what to what."""

    number: int
    at: dt.datetime
    actor: str
    action: str
    object: str
    origin: str
    digest: str


class AuditPage(BaseModel):
    """A page of the audit log, the newest first."""

    items: list[AuditEntry]
    next: int | None


class AuditChecked(BaseModel):
    """Whether the log is whole. `head`: keep it elsewhere, and you will also see when entries were cut off."""

    entries: int
    whole: bool
    first_break: int | None
    head: str
