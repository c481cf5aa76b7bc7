"""The relay's settings: one TOML file, one frozen tree. Unknown fields are refused."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from guardian_relay.errors import RelayError

DEFAULT_FILE = Path("/etc/guardian-relay/relay.toml")
MIB = 1024 * 1024


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def host_port(text: str) -> tuple[str, int]:
    """Return host and port of `host:port` (`[::1]:80`); ValueError."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 <= int(port) < 65536:
        raise ValueError(f"{text!r} is no HOST:PORT")
    return host.strip("[]"), int(port)


class TunnelSettings(_Part):
    """The WireGuard end."""

    interface: str = Field("guardian-relay", pattern=r"^[a-z][a-z0-9_-]{0,14}$", description="Name of the interface.")
    listen_port: int = Field(51820, ge=1, le=65535, description="UDP port that the tunnel listens at.")
    endpoint: str = Field("", description="HOST:PORT by which homes reach that port. Empty: the host of pairing.address.")
    link_port: int = Field(7444, ge=1, le=65535, description="TCP port of the link, inside the tunnel.")


class PairingSettings(_Part):
    """Where a home joins."""

    listen: str = Field("0.0.0.0:7443", description="HOST:PORT to listen at, TCP with TLS.")
    address: str = Field(description="HOST:PORT by which homes reach it; stands in the invitation.")
    code_minutes: float = Field(30.0, gt=0, le=1440, description="How long an invitation is good.")

    @field_validator("listen", "address")
    @classmethod
    def _place(cls, value: str) -> str:
        host_port(value)
        return value


class StoreSettings(_Part):
    """Events and statements."""

    url: str = Field(
        "", description="SQLAlchemy URL (postgresql+asyncpg://...). Empty: SQLite in the state folder.", repr=False
    )
    keep_events: int = Field(10_000, ge=0, description="Events that stay for viewers once the cloud has them.")
    max_events: int = Field(
        500_000, ge=1000, description="Events that are kept at most, with those that wait for the cloud."
    )


class ClipSettings(_Part):
    """Sealed segments that the home offers."""

    quota_mib: int = Field(1024, ge=0, description="Room for them; 0: none is kept.")


class CloudSettings(_Part):
    """The uplink. There is none before `guardian-relay enrol`."""

    address: str = Field("", description="HOST:PORT of the cloud's gRPC. Empty: what the cloud said at enrolment.")
    ca_file: str = Field("", description="PEM file with the authority of the cloud's gRPC. Empty: the one of enrolment.")
    enrol_url: str = Field("", description="HTTPS address to enrol at, such as https://cloud.example/api/v1/enrolments.")
    enrol_ca_file: str = Field("", description="PEM file with the authority of enrol_url. Empty: those of the system.")


class GatewaySettings(_Part):
    """Where viewers come."""

    listen: str = Field("", description="HOST:PORT for viewers, TLS. Empty: none.")
    cert_file: str = Field("", description="PEM certificate chain of the gateway.")
    key_file: str = Field("", description="Its key.")
    origins: tuple[str, ...] = Field((), description="Web origins whose pages may connect. Empty: the gateway's own.")


class HealthSettings(_Part):
    """Health, metrics and status for this machine."""

    listen: str = Field("127.0.0.1:9480", description="HOST:PORT, plain HTTP: keep it on this machine.")


class LogSettings(_Part):
    """Logs."""

    level: str = Field("info", pattern="^(debug|info|warning|error)$", description="Least level that is written.")


class RelaySettings(_Part):
    """All of them."""

    state: Path = Field(Path("/var/lib/guardian-relay"), description="Folder of keys, store and clips; private.")
    heartbeat_s: int = Field(30, ge=1, le=300, description="Seconds between heartbeats, towards home and cloud.")
    pairing: PairingSettings
    tunnel: TunnelSettings = TunnelSettings()
    store: StoreSettings = StoreSettings()
    clips: ClipSettings = ClipSettings()
    cloud: CloudSettings = CloudSettings()
    gateway: GatewaySettings = GatewaySettings()
    health: HealthSettings = HealthSettings()
    log: LogSettings = LogSettings()

    @property
    def endpoint(self) -> str:
        """HOST:PORT of the tunnel, for homes."""
        if self.tunnel.endpoint:
            return self.tunnel.endpoint
        return f"{self.pairing.address.rpartition(':')[0]}:{self.tunnel.listen_port}"

    @property
    def store_url(self) -> str:
        """URL of the store."""
        return self.store.url or f"sqlite+aiosqlite:///{self.state / 'relay.db'}"


def load(path: Path) -> RelaySettings:
    """Read a file; RelayError names the field that is wrong."""
    try:
        return RelaySettings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise RelayError(
            f"there is no {path}", cure="Give the settings with --config; docs/howto/relay.md has an example."
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RelayError(f"{path} cannot be read: {error}", cure="Correct the file.") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise RelayError(f"{path}: {field}: {first['msg']}", cure="Correct the setting.", field=field) from error
