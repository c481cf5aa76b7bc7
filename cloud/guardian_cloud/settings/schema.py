"""The settings. The defaults run a small cloud on one machine: SQLite, and queue and sessions in the process."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Listen = Annotated[str, Field(pattern=r"^(\[[0-9A-Fa-f:.]+\]|[^:\s\[\]]+):\d{1,5}$")]


class Web(_Part):
    """Page and API."""

    listen: Listen = Field("127.0.0.1:8480", description="host:port of page and API. Put a TLS proxy before it.")
    public_url: str = Field(
        "http://127.0.0.1:8480", description="How browsers reach it. Anything but this machine needs https."
    )
    trust_forwarded: bool = Field(
        False, description="Take a caller's address from X-Forwarded-For. Only behind a proxy that sets it."
    )
    open_sign_up: bool = Field(
        False, description="Anybody who can log in may make a tenant. Else `guardian-cloud tenant` does."
    )

    @field_validator("public_url")
    @classmethod
    def _https(cls, value: str) -> str:
        value = value.rstrip("/")
        local = value.startswith(("http://127.0.0.1", "http://localhost", "http://[::1]"))
        if not (value.startswith("https://") or local):
            raise ValueError("must begin with https:// (http:// is for this machine alone)")
        return value


class Control(_Part):
    """Where relays connect."""

    listen: Listen = Field(
        "127.0.0.1:8481", description="host:port of the gRPC service, TLS with certificates on both sides."
    )
    names: tuple[str, ...] = Field(
        ("localhost",), min_length=1, description="Host names of this service; the first is told to relays."
    )
    port: int | None = Field(None, ge=1, le=65535, description="The port told to relays, where it is not that of `listen`.")
    heartbeat_s: int = Field(30, ge=1, le=300, description="Seconds between heartbeats.")


class Store(_Part):
    """Where rows live."""

    url: SecretStr = Field(
        SecretStr(""), description="Empty: SQLite in `data_dir`. Else postgresql+asyncpg://USER:PASSWORD@HOST/DATABASE."
    )
    owner_url: SecretStr = Field(
        SecretStr(""), description="PostgreSQL: as whom `migrate` makes tables. Never the user of `url`."
    )
    pool: int = Field(8, ge=1, le=200, description="PostgreSQL: connections of one process.")
    keep_events_days: int = Field(30, ge=1, le=3650, description="Events older than this are deleted.")

    @field_validator("url", "owner_url")
    @classmethod
    def _driver(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if text and not text.startswith("postgresql+asyncpg://"):
            raise ValueError("must begin with postgresql+asyncpg:// (or be empty for SQLite)")
        return value


class Ephemeral(_Part):
    """Sessions, limits, and word between processes."""

    redis_url: SecretStr = Field(
        SecretStr(""), description="Empty: in this process. Else redis://… or rediss://…; several processes need it."
    )


class Queue(_Part):
    """How notifications are handed on."""

    amqp_url: SecretStr = Field(SecretStr(""), description="Empty: in this process. Else amqp://… or amqps://… of RabbitMQ.")


class Identity(_Part):
    """The OpenID Connect provider that people log in with."""

    issuer: str = Field("", description="Its issuer, as in its discovery document.")
    client_id: str = Field("", description="As registered there, with the redirect address PUBLIC_URL/login/done.")
    client_secret: SecretStr = Field(SecretStr(""), description="Empty for a public client; PKCE is used either way.")
    audience: str = Field("", description="`aud` of access tokens for the API. Empty: the API takes no JWT.")
    session_hours: int = Field(12, ge=1, le=720, description="How long a login in a browser lasts.")


class Authority(_Part):
    """The authority that signs certificates."""

    dir: Path | None = Field(None, description="Its folder; none: `ca` in `data_dir`.")
    leaf_hours: int = Field(72, ge=1, le=24 * 30, description="Life of a certificate. It is renewed at two thirds.")
    code_minutes: int = Field(30, ge=1, le=24 * 60, description="Life of an enrolment code.")


class Push(_Part):
    """Web push."""

    contact: str = Field("", description="mailto: or https: address for push services (VAPID `sub`). Empty: no push.")
    hosts: tuple[str, ...] = Field(
        ("fcm.googleapis.com", "updates.push.services.mozilla.com", "*.push.apple.com", "*.notify.windows.com"),
        description="Push services that may be called. Endpoints come from browsers: others are refused.",
    )


class Mail(_Part):
    """E-mail that says that there is news, and no more."""

    host: str = Field("", description="SMTP server. Empty: no mail.")
    port: int = Field(587, ge=1, le=65535, description="Its port.")
    security: Literal["starttls", "tls", "none"] = Field("starttls", description="`none` is for a server on this machine.")
    user: str = Field("", description="Login there, or empty.")
    password: SecretStr = Field(SecretStr(""), description="Its password.")
    sender: str = Field("", description="Address it comes from.")
    quiet_minutes: int = Field(15, ge=0, le=1440, description="At most one mail to a member in this time.")

    @model_validator(mode="after")
    def _whole(self) -> Mail:
        if self.host and "@" not in self.sender:
            raise ValueError("mail.sender must be an address when mail.host is set")
        if self.security == "none" and self.host not in ("", "127.0.0.1", "localhost", "::1"):
            raise ValueError('mail.security = "none" is for a server on this machine only')
        return self


class Limits(_Part):
    """How much one caller may ask."""

    api_per_s: float = Field(
        20.0, gt=0, description="Requests a second of one member or address, with bursts of five times that."
    )
    enrol_per_minute: float = Field(10.0, gt=0, description="Enrolments tried a minute from one address.")
    streams_per_member: int = Field(10, ge=1, description="Event streams that one member may hold open in one process.")


class Settings(_Part):
    """Everything."""

    data_dir: Path = Field(Path("/var/lib/guardian-cloud"), description="For SQLite and the authority's keys.")
    log: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")
    web: Web = Web()
    control: Control = Control()
    store: Store = Store()
    ephemeral: Ephemeral = Ephemeral()
    queue: Queue = Queue()
    identity: Identity = Identity()
    authority: Authority = Authority()
    push: Push = Push()
    mail: Mail = Mail()
    limits: Limits = Limits()

    @property
    def authority_dir(self) -> Path:
        """The authority's folder."""
        return self.authority.dir if self.authority.dir is not None else self.data_dir / "ca"
