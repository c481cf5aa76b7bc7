"""When the relay forgets a silent home's newest handshake, so that a clock that went back keeps no home out. Pure.

WireGuard drops a handshake that is dated before the newest one of the same peer. A machine whose clock has no battery comes up in the past, and
would stay out until its clock has passed that moment. So once there was no handshake for longer than a session lasts, the peer is set anew,
with the same keys: that is what a restart of WireGuard does, and there is no session left that a repeated handshake could disturb
(docs/security.md#what-relay-and-cloud-see).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from guardian.protocol.clocks import span
from guardian.protocol.wireguard import REJECT_AFTER_S

SILENT_S = REJECT_AFTER_S + 20.0  # four tries more (REKEY_TIMEOUT is 5 s): WireGuard's own are first


@dataclass(frozen=True, slots=True)
class Silence:
    """`handshake_s`: UTC of the newest handshake that was seen, 0 for none. `since_s` (monotonic): when it was seen, or the interface made.
    `forgot_s`: when it was forgotten last, in this silence.
    """

    since_s: float
    handshake_s: int = 0
    forgot_s: float | None = None


def step(silence: Silence, *, handshake_s: int, now_s: float) -> tuple[Silence, bool]:
    """Return how it is now, and whether the peer is to be set anew. `handshake_s`: as WireGuard says it, 0 for a peer that was set anew."""
    if handshake_s not in (0, silence.handshake_s):
        return Silence(now_s, handshake_s), False
    if now_s - (silence.since_s if silence.forgot_s is None else silence.forgot_s) < SILENT_S:
        return silence, False
    return replace(silence, forgot_s=now_s), True


def problem(silence: Silence, now_s: float) -> str:
    """Say what a silence may be of, or nothing while there is none."""
    if silence.forgot_s is None:
        return ""
    return (
        f"the home has not shaken hands for {span(now_s - silence.since_s)}: it is off, UDP is closed on the way,"
        " or its clock went back (then it is let in by itself, within four minutes)"
    )
