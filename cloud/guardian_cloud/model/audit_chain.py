"""The audit log as a chain: each entry's digest covers the one before it, so that none can be changed or taken out of the middle unseen.

digest = SHA-256("guardian audit v1" 0x00 previous digest, JSON of the entry with sorted keys and no spaces). The first follows 32 zero bytes.
What only the last digest kept elsewhere shows: entries cut off at the end.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

START = bytes(32)
_CONTEXT = b"guardian audit v1\0"


@dataclass(frozen=True, slots=True)
class Entry:
    """Who did what to what. `origin`: from where, as a network and never one address."""

    number: int
    at_us: int
    actor: str
    action: str
    object: str
    origin: str


def digest(previous: bytes, entry: Entry) -> bytes:
    """Return an entry's digest."""
    body = json.dumps(asdict(entry), sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
    return hashlib.sha256(_CONTEXT + previous + body).digest()


def first_break(entries: Iterable[tuple[Entry, bytes]]) -> int | None:
    """Return the number of the first entry that does not follow from the ones before it; None: all do."""
    previous, number = START, 1
    for entry, kept in entries:
        if entry.number != number or digest(previous, entry) != kept:
            return number
        previous, number = kept, number + 1
    return None
