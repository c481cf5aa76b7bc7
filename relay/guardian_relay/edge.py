"""What the relay knows of its edge at the moment. In memory only: telemetry is neither stored nor repeated."""

from __future__ import annotations

from dataclasses import dataclass, field

from guardian.protocol.v1 import events_pb2 as events
from guardian.protocol.v1 import link_pb2 as link

MISSES = 3  # heartbeats without a word, after which it counts as away


@dataclass(slots=True)
class EdgeState:
    """`seen_s` is monotonic, `seen_ms` UTC."""

    connected: bool = False
    seen_s: float = 0.0
    seen_ms: int = 0
    version: str = ""
    telemetry: events.Telemetry = field(default_factory=events.Telemetry)
    cameras: tuple[link.Camera, ...] = ()

    def heard(self, now_s: float, now_ms: int) -> None:
        """It said something."""
        self.seen_s, self.seen_ms = now_s, now_ms

    def silent(self, now_s: float, heartbeat_s: float) -> bool:
        """Whether it should have said something."""
        return self.connected and now_s - self.seen_s > MISSES * heartbeat_s
