"""What the link keeps over restarts: which relay, both ends' keys, what the home has signed. One private file, replaced whole."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from guardian.protocol.tunnel import Keys, from_json, to_json
from guardian.protocol.v1 import trust_pb2 as trust
from guardian.sdk import Damaged, make_private_dir, replace_file
from guardian_wireguard.config import FILE


@dataclass(frozen=True, slots=True)
class Joined:
    """A relay that is joined. `statements`: the home's, each verified anew when it is read."""

    home: bytes
    edge: bytes
    signing: bytes
    relay: bytes
    endpoint: str
    edge_address: str
    relay_address: str
    link_port: int
    keys: Keys
    rotated_us: int
    statements: tuple[trust.Signed, ...] = field(default=())
    devices: Mapping[str, str] = field(default_factory=dict)  # what the owner calls them, by subject in hex
    secrets: Mapping[str, bytes] = field(default_factory=dict)  # what each of them shares with the home

    @property
    def signing_key(self) -> Ed25519PrivateKey:
        """The edge's own."""
        return Ed25519PrivateKey.from_private_bytes(self.signing)

    def with_keys(self, keys: Keys, rotated_us: int | None = None) -> Joined:
        """Return it with other keys of the tunnel."""
        return replace(self, keys=keys, rotated_us=self.rotated_us if rotated_us is None else rotated_us)


class StateFile:
    """Reads and writes it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, now_s: float) -> Joined | None:
        """Return what is joined, or None. Damaged."""
        try:
            value = json.loads((self._folder / FILE).read_bytes())
            return _joined(value, now_s)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Damaged(
                f"{self._folder / FILE} cannot be read",
                cure="Restore it from a backup, or join anew: `guardian relay leave`.",
            ) from error

    def write(self, joined: Joined) -> None:
        """Keep it."""
        make_private_dir(self._folder)
        replace_file(self._folder / FILE, json.dumps(_value(joined)).encode())

    def forget(self) -> None:
        """Forget the relay. The link's own opaque names of cameras stay: they mean nothing to anybody else."""
        (self._folder / FILE).unlink(missing_ok=True)

    def camera_key(self) -> bytes:
        """The key that makes opaque ids of cameras; made once."""
        path = self._folder / "camera.key"
        try:
            key = path.read_bytes()
            if len(key) == 32:
                return key
        except FileNotFoundError:
            pass
        make_private_dir(self._folder)
        key = os.urandom(32)
        replace_file(path, key)
        return key


_BYTES = ("home", "edge", "signing", "relay")
_PLAIN = ("endpoint", "edge_address", "relay_address", "link_port", "rotated_us")


def _value(joined: Joined) -> dict[str, Any]:
    value: dict[str, Any] = {name: base64.b64encode(getattr(joined, name)).decode() for name in _BYTES}
    value |= {name: getattr(joined, name) for name in _PLAIN}
    said = [[base64.b64encode(part).decode() for part in (one.body, one.signature)] for one in joined.statements]
    secrets = {name: base64.b64encode(secret).decode() for name, secret in joined.secrets.items()}
    value |= {"statements": said, "devices": dict(joined.devices), "secrets": secrets}
    return value | {"format": 1, "keys": to_json(joined.keys)}


def _joined(value: Any, now_s: float) -> Joined:
    if value["format"] != 1:
        raise ValueError("another format")
    said = [tuple(base64.b64decode(part, validate=True) for part in pair) for pair in value["statements"]]
    fields: dict[str, Any] = {name: base64.b64decode(value[name], validate=True) for name in _BYTES}
    fields |= {name: value[name] for name in _PLAIN}
    statements = tuple(trust.Signed(body=body, signature=signature) for body, signature in said)
    secrets = {name: base64.b64decode(one, validate=True) for name, one in value.get("secrets", {}).items()}
    fields |= {"statements": statements, "devices": value.get("devices", {}), "secrets": secrets}
    return Joined(**fields, keys=from_json(value["keys"], now_s))
