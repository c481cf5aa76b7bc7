"""From sounds to events: what is heard again within a while is one event. Nothing here reads a clock.

States of an event: active → silent (not heard lately) → active again, or ended where it was last heard.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from guardian.model.event import Event, EventState
from guardian.model.messages import EventReport
from guardian.model.sound import Sound
from guardian.model.time import SECOND_US

UPDATE_GAP_US = SECOND_US


@dataclass(slots=True)
class _Open:
    """One event that has not ended."""

    event: Event
    heard_us: int
    reported_us: int
    changed: bool = False


class SoundEvents:
    """All sounds of one camera. `labels`: which make events; empty: all. Feed `hear` and `tick`, then drain `reports`."""

    def __init__(self, camera: str, labels: frozenset[str], end_after_us: int, new_id: Callable[[], str]) -> None:
        self._camera, self._labels, self._end_after_us, self._new_id = camera, labels, end_after_us, new_id
        self._open: dict[str, _Open] = {}
        self._over_us: dict[str, int] = {}
        self._out: list[EventReport] = []

    def hear(self, sounds: Sequence[Sound]) -> None:
        """Take what a detector has heard."""
        for sound in sounds:
            if self._labels and sound.label not in self._labels:
                continue
            one = self._open.get(sound.label)
            if one is None:
                self._begin(sound)
            elif sound.end_us > one.heard_us or sound.score > one.event.score:
                one.heard_us = max(one.heard_us, sound.end_us)
                one.event = replace(one.event, score=max(one.event.score, sound.score))
                one.changed = True

    def _begin(self, sound: Sound) -> None:
        over_us = self._over_us.get(sound.label)
        if over_us is not None and sound.end_us <= over_us:  # it is told again of what has ended
            return
        start_us = sound.start_us if over_us is None else max(sound.start_us, over_us)
        event = Event(self._new_id(), self._camera, sound.label, sound.score, start_us, None, EventState.ACTIVE)
        self._open[sound.label] = _Open(event, sound.end_us, sound.end_us)
        self._report("start", event)

    def tick(self, utc_us: int) -> None:
        """Let time pass: events end, updates become due."""
        for one in list(self._open.values()):
            if utc_us - one.heard_us >= self._end_after_us:
                self._end(one)
            elif one.changed and utc_us - one.reported_us >= UPDATE_GAP_US:
                one.reported_us, one.changed = utc_us, False
                self._report("update", one.event)

    def reports(self) -> tuple[EventReport, ...]:
        """Return what happened since the last call, in order."""
        out = tuple(self._out)
        self._out.clear()
        return out

    def close(self) -> None:
        """Nobody listens any more."""
        for one in list(self._open.values()):
            self._end(one)

    def _end(self, one: _Open) -> None:
        del self._open[one.event.label]
        self._over_us[one.event.label] = one.heard_us
        self._report("end", replace(one.event, state=EventState.ENDED, end_us=one.heard_us))

    def _report(self, what: Literal["start", "update", "end"], event: Event) -> None:
        self._out.append(EventReport(what, event))
