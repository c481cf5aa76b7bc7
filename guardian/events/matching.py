"""Which of two lists of events mean the same visits: what happened against what would have happened. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from guardian.model.event import Event
from guardian.model.labels import kin
from guardian.model.time import SECOND_US

SLACK_US = SECOND_US  # two looks at one visit begin and end at slightly different frames


@dataclass(frozen=True, slots=True)
class Matching:
    """`matched`: (before, after). `missed`: before, and not after. `new`: after, and not before."""

    matched: tuple[tuple[Event, Event], ...]
    missed: tuple[Event, ...]
    new: tuple[Event, ...]


def match(before: Sequence[Event], after: Sequence[Event]) -> Matching:
    """Pair events of one camera: one kind of thing at the same time, those that share the most time first, each once."""
    shared = [
        (_shared_us(one, other), at, to)
        for at, one in enumerate(before)
        for to, other in enumerate(after)
        if kin(one.label) == kin(other.label) and _shared_us(one, other) >= -SLACK_US
    ]
    pairs: dict[int, int] = {}
    for _, at, to in sorted(shared, key=lambda found: (-found[0], found[1], found[2])):
        if at not in pairs and to not in pairs.values():
            pairs[at] = to
    taken = set(pairs.values())
    return Matching(
        tuple((before[at], after[to]) for at, to in sorted(pairs.items())),
        tuple(one for at, one in enumerate(before) if at not in pairs),
        tuple(one for to, one in enumerate(after) if to not in taken),
    )


def _shared_us(one: Event, other: Event) -> int:
    """Return the time two events share; below 0: how far they are apart."""
    return min(_end_us(one), _end_us(other)) - max(one.start_us, other.start_us)


def _end_us(event: Event) -> int:
    return event.end_us if event.end_us is not None else 1 << 62
