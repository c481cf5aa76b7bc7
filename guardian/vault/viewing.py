"""What viewing from afar needs at home: a secret that the owner's browsers share with the edge, and the key by which they know it.

`vault/viewing.json` is in the clear, for the edge answers viewers while the vault is locked. Who has it can pose as this home
towards those browsers, and fetch `vault.json` from it, which lies beside it anyway.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from guardian.model.errors import BadRequest, Damaged, ResourceGone
from guardian.platform.files import replace_file
from guardian.vault.fields import b64, number, unb64

FILE = "viewing.json"
SECRET_BYTES = 32  # 256 bits: what the relay records of a session cannot be searched for a passphrase without it
TIME_BITS = 57  # µs until the year 6536: what a calendar can show
PREFIX, VERSION, SUM_BYTES = "guardian-view:", 1, 4
_SIZES = {"secret": SECRET_BYTES, "private": 32, "home": 32, "signature": 64}


class HomeSigner(Protocol):
    """The home's key."""

    public_key: bytes

    def sign_viewing(self, edge: bytes, created_us: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class ViewingKey:
    """`private` is the edge's Ed25519 key for viewers, `signature` the home's word for its public half."""

    secret: bytes
    private: bytes
    home: bytes
    created_us: int
    signature: bytes

    @property
    def edge(self) -> bytes:
        """The edge's public key."""
        return Ed25519PrivateKey.from_private_bytes(self.private).public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        """Sign as the edge."""
        return Ed25519PrivateKey.from_private_bytes(self.private).sign(data)

    def text(self) -> str:
        """The viewing key as the owner keeps it."""
        return make_text(self.secret, self.home)


def make_text(secret: bytes, home: bytes) -> str:
    """Return a viewing key's text: the secret and the home's public key, with a checksum against slips."""
    body = bytes([VERSION]) + secret + home
    whole = body + hashlib.sha256(body).digest()[:SUM_BYTES]
    return PREFIX + base64.urlsafe_b64encode(whole).rstrip(b"=").decode()


def parse_text(text: str) -> tuple[bytes, bytes]:
    """Return secret and home of a viewing key's text; BadRequest."""
    word = "".join(text.split()).removeprefix(PREFIX)
    try:
        whole = base64.b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True)
    except ValueError:
        whole = b""
    body, total = whole[:-SUM_BYTES], whole[-SUM_BYTES:]
    if len(body) != 1 + SECRET_BYTES + 32 or body[0] != VERSION or hashlib.sha256(body).digest()[:SUM_BYTES] != total:
        raise BadRequest("this is no viewing key", field="key", cure="Copy all of it, from guardian-view: on.")
    return body[1 : 1 + SECRET_BYTES], body[1 + SECRET_BYTES :]


def make(home: HomeSigner, now_us: int) -> ViewingKey:
    """Make a fresh one. VaultLocked: the home has to sign."""
    edge = Ed25519PrivateKey.generate()
    private = edge.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    signature = home.sign_viewing(edge.public_key().public_bytes_raw(), now_us)
    return ViewingKey(os.urandom(SECRET_BYTES), private, home.public_key, now_us, signature)


def read(folder: Path) -> ViewingKey | None:
    """Read a vault folder's; None where viewing is off. Damaged."""
    try:
        value = json.loads((folder / FILE).read_bytes())
        if value["format"] != 1:
            raise ValueError("another format")
        return key_of(value)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{folder / FILE} cannot be read", cure="Make a new viewing key: `guardian viewing on`.") from error


def key_of(value: Any) -> ViewingKey:
    """Return the viewing key that stands in a JSON object, as `values_of` wrote it. ValueError, KeyError, TypeError."""
    created_us = number(value["created_us"], TIME_BITS)
    return ViewingKey(created_us=created_us, **{name: unb64(value[name], size) for name, size in _SIZES.items()})


def values_of(key: ViewingKey) -> dict[str, Any]:
    """Return a viewing key as members of a JSON object."""
    return {"created_us": key.created_us, **{name: b64(getattr(key, name)) for name in _SIZES}}


def write(folder: Path, key: ViewingKey | None) -> None:
    """Keep it, or turn viewing off; ResourceGone."""
    try:
        if key is None:
            (folder / FILE).unlink(missing_ok=True)
            return
        replace_file(folder / FILE, json.dumps({"format": 1, **values_of(key)}, indent=1).encode())
    except OSError as error:
        raise ResourceGone(
            f"{folder / FILE} could not be written: {error.strerror}", cure="See that the disk has room."
        ) from error
