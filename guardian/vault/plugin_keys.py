"""Keys that plugins seal to the vault, such as an archive's. They say of no vault, no epoch and no plugin: they lie where
everybody may read them.
"""

from __future__ import annotations

from collections.abc import Sequence

from guardian.model.errors import Bug, Damaged
from guardian.vault.hpke import ENCAPSULATION, Wrapper, unwrap
from guardian.vault.stream import KEY_BYTES

INFO = b"private-ai-guardian plugin key v1\x00"
SEALED_BYTES = ENCAPSULATION + KEY_BYTES + 16


def seal(public: bytes, plugin: str, key: bytes) -> bytes:
    """Seal a key of 32 bytes to the vault, for one plugin: 1168 bytes."""
    if len(key) != KEY_BYTES:
        raise Bug(f"a key of {len(key)} bytes where {KEY_BYTES} belong")
    return Wrapper(public, INFO).wrap(key, plugin.encode())


def opened(sealed: bytes, plugin: str, privates: Sequence[bytearray]) -> bytes:
    """Return the key, by whichever private key opens it. Damaged where none does."""
    if len(sealed) == SEALED_BYTES:
        for private in privates:
            try:
                return unwrap(sealed, private, plugin.encode(), INFO)
            except Damaged:
                continue
    raise Damaged("the key does not open: it was sealed to another vault, for another plugin, or was changed")
