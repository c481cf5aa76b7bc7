"""What the vault's JSON files are made of, read with suspicion: whoever reads catches ValueError, KeyError and TypeError."""

from __future__ import annotations

import base64
from typing import Any

from guardian.vault.passphrase import Argon2Parameters


def b64(data: bytes) -> str:
    """Return bytes as text."""
    return base64.b64encode(data).decode()


def unb64(text: Any, size: int | None = None) -> bytes:
    """Return the bytes of a text, and of no other length than `size`; ValueError."""
    data = base64.b64decode(str(text), validate=True)
    if size is not None and len(data) != size:
        raise ValueError(f"{len(data)} bytes where {size} belong")
    return data


def number(value: Any, bits: int) -> int:
    """Return a whole number of at most so many bits; ValueError."""
    if type(value) is not int or not 0 <= value < 1 << bits:
        raise ValueError("a number is none, or out of range")
    return value


def kdf_value(p: Argon2Parameters) -> dict[str, Any]:
    """Return the member `kdf`."""
    return {"name": "argon2id", "salt": b64(p.salt), "memory_kib": p.memory_kib, "time": p.time, "lanes": p.lanes}


def kdf_of(value: Any) -> Argon2Parameters:
    """Return what the member `kdf` says. ValueError, KeyError, TypeError; Damaged outside of what is safe."""
    if value["name"] != "argon2id":
        raise ValueError("unknown key derivation")
    costs = (number(value[name], 32) for name in ("memory_kib", "time", "lanes"))
    parameters = Argon2Parameters(unb64(value["salt"]), *costs)
    parameters.check()
    return parameters
