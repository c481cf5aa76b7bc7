"""Which keys an end of the tunnel uses, and when it goes back to those before. Pure; docs/protocol.md#the-tunnel.

Both ends change keys at nearly the same moment, and one of them may not learn that the other did. So new keys count as proven
only when they have shaken hands. Until then the ones before are kept, and each end uses either set for a while: the relay
changes quickly and the edge slowly, so that they meet.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from typing import Any

EDGE_PATIENCE_S = 40.0  # more than two of the relay's turns: in each of them WireGuard tries to shake hands every 5 s
RELAY_PATIENCE_S = 12.0
DETOUR_PATH = "/tunnel"  # of the relay's gateway, where UDP is blocked: a WebSocket, one datagram a message
MOST_DATAGRAM = 65_535


@dataclass(frozen=True, slots=True)
class KeySet:
    """One end's private key, the other's public one, and what both share. `number` counts rotations."""

    number: int
    private: bytes
    peer: bytes
    preshared: bytes


@dataclass(frozen=True, slots=True)
class Keys:
    """`current` is in use since `since_s` (monotonic). `other` is what else may be right, None once `current` is proven."""

    current: KeySet
    other: KeySet | None = None
    since_s: float = 0.0


def rotated(keys: Keys, new: KeySet, now_s: float) -> Keys:
    """Go over to new keys."""
    return Keys(new, keys.current, now_s)


def step(keys: Keys, *, shaken: bool, now_s: float, patience_s: float) -> Keys:
    """Return what to use now. `shaken`: there was a handshake with the current peer since its keys were set."""
    if keys.other is None:
        return keys
    if shaken:
        return replace(keys, other=None)
    if now_s - keys.since_s >= patience_s:
        return Keys(keys.other, keys.current, now_s)
    return keys


def to_json(keys: Keys) -> dict[str, Any]:
    """Return it for a private file."""
    return {"current": _values(keys.current), "other": _values(keys.other) if keys.other else None}


def from_json(value: Any, now_s: float) -> Keys:
    """Read it back; ValueError, KeyError or TypeError where it is none."""
    return Keys(_read(value["current"]), _read(value["other"]) if value["other"] else None, now_s)


def _values(one: KeySet) -> dict[str, Any]:
    keys = {name: base64.b64encode(getattr(one, name)).decode() for name in ("private", "peer", "preshared")}
    return {"number": one.number, **keys}


def _read(value: Any) -> KeySet:
    private, peer, preshared = (base64.b64decode(value[name], validate=True) for name in ("private", "peer", "preshared"))
    if {len(private), len(peer), len(preshared)} != {32} or type(value["number"]) is not int:
        raise ValueError("a key has a wrong length")
    return KeySet(value["number"], private, peer, preshared)
