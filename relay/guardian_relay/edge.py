"""What the relay knows of its edge at the moment, and how it was while the cloud was away. In memory only: it is no loss that a restart tells."""

from __future__ import annotations

from dataclasses import dataclass, field

from guardian.protocol.readings import is_word
from guardian.protocol.v1 import events_pb2 as events
from guardian.protocol.v1 import link_pb2 as link

PAST_EACH_S, MOST_PAST = 300, 2016  # a sample each five minutes, for a week
MOST_PLUGINS = 64
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
    plugins: tuple[events.Plugin, ...] = ()
    other_plugins: int = 0
    past: dict[int, events.Telemetry] = field(default_factory=dict)  # that the cloud has not heard, by their five minutes

    def heard(self, now_s: float, now_ms: int) -> None:
        """It said something."""
        self.seen_s, self.seen_ms = now_s, now_ms

    def took(self, telemetry: events.Telemetry, *, past: bool = False) -> None:
        """How it is, whatever its clock says, or how it was (`past`): the newest of five minutes stands for them."""
        if not past or telemetry.time_s >= self.telemetry.time_s:
            self.telemetry = telemetry
        self.past[telemetry.time_s // PAST_EACH_S] = telemetry
        while len(self.past) > MOST_PAST:
            del self.past[min(self.past)]

    def stock(self, inventory: link.Inventory, cameras: tuple[link.Camera, ...]) -> None:
        """What is there."""
        self.cameras, self.other_plugins = cameras, inventory.other_plugins
        self.plugins = tuple(
            events.Plugin(name=one.name, state=one.state)
            for one in inventory.plugins[:MOST_PLUGINS]
            if is_word(one.name) and is_word(one.state)
        )
        if inventory.version:
            self.version = inventory.version[:64]

    def silent(self, now_s: float, heartbeat_s: float) -> bool:
        """Whether it should have said something."""
        return self.connected and now_s - self.seen_s > MISSES * heartbeat_s
