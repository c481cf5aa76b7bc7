"""The link to a relay as the owner sees it."""

from dataclasses import dataclass
from enum import StrEnum


class RelayState(StrEnum):
    """Where the link stands; the page shows each with a sentence."""

    ABSENT = "absent"  # no plugin brings one
    NONE = "none"  # not joined
    PAIRING = "pairing"  # the owner compares the short code
    CONNECTING = "connecting"
    CONNECTED = "connected"
    BLOCKED = "blocked"  # this machine does not let us: only the owner can mend it


@dataclass(frozen=True, slots=True)
class MemberDevice:
    """A device that is told when something begins. `id` is its subject, in hex; the name is known at home alone."""

    id: str
    name: str
    since_us: int


@dataclass(frozen=True, slots=True)
class RelayStatus:
    """How the link is. Times are UTC microseconds, 0 where there is none. `tunnel`: kernel, userspace or empty."""

    state: RelayState
    relay: str = ""  # its subject, in hex
    endpoint: str = ""
    tunnel: str = ""
    since_us: int = 0
    handshake_us: int = 0
    rotated_us: int = 0
    waiting_events: int = 0
    dropped_events: int = 0
    short_code: str = ""  # while pairing
    problem: str = ""
    cure: str = ""
