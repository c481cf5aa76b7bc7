"""Which way the tunnel takes: UDP, or TLS where UDP is blocked (hotels, offices, some mobile networks). Pure.

A way is good while the relay is heard over it. When UDP is not, the relay's gateway is called; only when that is there and UDP still is not
heard, UDP is blocked, and not the relay away. TLS is a detour (a lost segment holds up all that follow), so UDP is tried again by
and by, ever more rarely where it stays blocked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

UDP, TLS = "udp", "tls"
PATIENCE_S = 15.0
READY_S = 7.0  # WireGuard tries to shake hands every 5 s: a relay that has just come back is heard over UDP by then
TRY_S = 6.0  # when UDP is tried from TLS, which works: nothing passes meanwhile
AGAIN_S, LONGEST_AGAIN_S = 600.0, 86_400.0


@dataclass(frozen=True, slots=True)
class Way:
    """The way in use since `since_s` (monotonic), last heard over at `heard_s`. `calls`: the gateway is to be called, or stay so.
    `tried`: UDP is tried from TLS, which works; the next time in `again_s`.
    """

    name: str = UDP
    since_s: float = 0.0
    heard_s: float = 0.0
    again_s: float = AGAIN_S
    calls: bool = False
    tried: bool = False


def begin(now_s: float) -> Way:
    """The interface is new."""
    return Way(UDP, now_s, now_s)


def step(way: Way, *, heard: bool, now_s: float, gateway_s: float | None) -> Way:
    """Return the way to take now. `heard`: the relay was, since the last step. `gateway_s`: since when its gateway is there."""
    if heard:
        way = replace(way, heard_s=now_s)
    silent_s = now_s - max(way.since_s, way.heard_s)
    if way.name == TLS:
        if silent_s >= PATIENCE_S:
            return Way(UDP, now_s, now_s, way.again_s)
        if heard and now_s - way.since_s >= way.again_s:
            return Way(UDP, now_s, now_s, way.again_s, calls=True, tried=True)
        return way
    if heard:
        return replace(way, again_s=AGAIN_S, calls=False, tried=False)
    if way.tried and silent_s >= TRY_S:
        return Way(TLS, now_s, now_s, min(LONGEST_AGAIN_S, 2 * way.again_s), calls=True)
    if silent_s < PATIENCE_S:
        return way
    if gateway_s is not None and now_s - gateway_s >= READY_S:
        return Way(TLS, now_s, now_s, way.again_s, calls=True)
    return replace(way, calls=True)
