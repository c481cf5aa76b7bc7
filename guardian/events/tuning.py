"""Thresholds from thumbs: what an event must be like so that the wrong ones go and the right ones stay. Pure.

A threshold lies between the right events and the wrong ones below them. How far that may be trusted needs no assumption
about how scores are spread: of n right events seen so far, a bound that just keeps all of them loses the next one with
probability 1/(n+1), and with 95 % confidence no more than 1 - 0.05^(1/n) of those to come (distribution-free tolerance
limits: Wilks, Annals of Mathematical Statistics 12, 1941). Each bound that is used, and each right event that is given up,
costs one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil, comb, floor

from guardian.model.vision import Box

CONFIDENCE = 0.95
MOST_LOSS = 0.25  # propose nothing that may, at that confidence, lose more than a quarter of the right events to come
LEAST_WRONG = 5  # false alarms of one camera before they are a pattern
LEAST_SHARE = 0.2  # of the false alarms must go, and at least two, else it is not worth a setting
GIVE_UP = 0.025  # share of the right events that a bound may give up: one in forty
WORTH_A_BOUND = 0.1  # share of the false alarms that a further bound must take away
CLUSTER = 3  # false alarms in one place before it is worth a mask
SAME_PLACE = 0.5  # IoU
ROOM = 0.01  # of the picture, around a mask


@dataclass(frozen=True, slots=True)
class Fact:
    """What is known of a judged event. `area`: of its best box, as a share of the picture; None while that is sealed."""

    event_id: str
    right: bool
    score: float
    seconds: float
    area: float | None = None
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Bound:
    """The least value of a quantity: `score`, `seconds` or `area`."""

    what: str
    least: float


@dataclass(frozen=True, slots=True)
class Proposal:
    """What to set, and what it would have done. `bounds` is empty where nothing is proposed: `why` says why then.

    `loss`, `most_loss`: of the right events to come, the share that will be lost, expected and at most (95 %).
    `dropped_low`: of the false alarms to come, the share that goes at least (95 %). `more_right`, `more_wrong`: thumbs that
    are wanting. `masks`: places where false alarms cluster, and no right event was.
    """

    right: int
    wrong: int
    bounds: tuple[Bound, ...] = ()
    kept: int = 0
    dropped: int = 0
    loss: float = 0.0
    most_loss: float = 0.0
    dropped_low: float = 0.0
    more_right: int = 0
    more_wrong: int = 0
    why: str = ""
    masks: tuple[Box, ...] = ()


_VALUES: dict[str, Callable[[Fact], float | None]] = {
    "score": lambda fact: fact.score,
    "seconds": lambda fact: fact.seconds,
    "area": lambda fact: fact.area,
}
_STEPS = {"score": 0.01, "seconds": 0.1, "area": 0.0005}  # a threshold is rounded down to a multiple: nobody reads 0.61837


def right_needed(most_loss: float = MOST_LOSS) -> int:
    """Return how many right events a single bound that keeps them all needs, to be trusted."""
    n = 1
    while most_lost(n, 1) > most_loss:
        n += 1
    return n


def most_lost(n: int, given_up: int, confidence: float = CONFIDENCE) -> float:
    """Return the share of events to come that a bound with `given_up` of n events at or below it loses at most.

    The upper limit of Beta(given_up, n - given_up + 1), found by halving: its distribution is that of a binomial tail.
    """
    if given_up > n or n == 0:
        return 1.0
    return _solve(lambda p: 1 - _binomial_at_most(given_up - 1, n, p), confidence)


def least_share(n: int, of: int, confidence: float = CONFIDENCE) -> float:
    """Return the least true share behind `of` of n (Clopper and Pearson 1934, one-sided)."""
    if of == 0 or n == 0:
        return 0.0
    return _solve(lambda p: 1 - _binomial_at_most(of - 1, n, p), 1 - confidence)


def _solve(rising: Callable[[float], float], value: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < value else (low, middle)
    return high


def _binomial_at_most(k: int, n: int, p: float) -> float:
    return sum(comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1))


def propose(facts: Sequence[Fact]) -> Proposal:
    """Return the best bounds for the events of one camera, or of one label on it, or why there are none."""
    right, wrong = [one for one in facts if one.right], [one for one in facts if not one.right]
    masks = _masks(right, wrong)
    base = Proposal(len(right), len(wrong), kept=len(right), masks=masks)
    more_right, more_wrong = max(0, right_needed() - len(right)), max(0, LEAST_WRONG - len(wrong))
    if more_right or more_wrong:
        return _nothing(base, _too_few(more_right, more_wrong), more_right, more_wrong)
    found = _best(right, wrong)
    if found is None:
        return _nothing(base, "no threshold drops a fair share of the false alarms and keeps the right events", 0, 0)
    bounds, kept, dropped = found
    given_up = len(bounds) + len(right) - kept
    return Proposal(
        len(right),
        len(wrong),
        bounds,
        kept,
        dropped,
        loss=given_up / (len(right) + 1),
        most_loss=most_lost(len(right), given_up),
        dropped_low=least_share(len(wrong), dropped),
        masks=masks,
    )


def _nothing(base: Proposal, why: str, more_right: int, more_wrong: int) -> Proposal:
    return Proposal(
        base.right, base.wrong, kept=base.kept, why=why, more_right=more_right, more_wrong=more_wrong, masks=base.masks
    )


def _too_few(more_right: int, more_wrong: int) -> str:
    wanting = [f"{count} more thumbs {way}" for count, way in ((more_right, "up"), (more_wrong, "down")) if count]
    return f"too few thumbs: {' and '.join(wanting)} are needed"


Found = tuple[tuple[Bound, ...], int, int]


def _best(right: Sequence[Fact], wrong: Sequence[Fact]) -> Found | None:
    """Return the bounds that drop the most; fewer bounds where more do not earn their place."""
    best: Found | None = None
    for size in range(1, len(_VALUES) + 1):
        for names in combinations(_VALUES, size):
            found = _with(names, right, wrong)
            if found is not None and _is_better(found, best, len(wrong)):
                best = found
    return best


def _is_better(found: Found, best: Found | None, wrong: int) -> bool:
    if best is None:
        return found[2] >= max(2, ceil(LEAST_SHARE * wrong))
    extra = (len(found[0]) - len(best[0])) * max(1, ceil(WORTH_A_BOUND * wrong))
    return (found[2], found[1]) > (best[2] + extra, best[1]) or (found[2] == best[2] + extra and found[1] > best[1])


def _with(names: Sequence[str], right: Sequence[Fact], wrong: Sequence[Fact]) -> Found | None:
    """Bound these quantities, giving up none of the right events, or as few as is allowed where that drops more."""
    if any(_VALUES[name](one) is None for name in names for one in right):
        return None
    best: Found | None = None
    for given_up in range(floor(GIVE_UP * len(right)) + 1):
        for at in range(len(names)):
            bounds = _bounds(names, right, at, given_up)
            if bounds is None:
                continue
            kept, dropped = sum(_passes(one, bounds) for one in right), sum(not _passes(one, bounds) for one in wrong)
            lost = len(right) - kept
            if lost > floor(GIVE_UP * len(right)) or most_lost(len(right), len(bounds) + lost) > MOST_LOSS:
                continue
            if best is None or dropped > best[2] + lost - (len(right) - best[1]):
                best = (bounds, kept, dropped)
    return best


def _bounds(names: Sequence[str], right: Sequence[Fact], at: int, given_up: int) -> tuple[Bound, ...] | None:
    """Bounds just below the right events; the one at `at` gives up the lowest few."""
    made = []
    for place, name in enumerate(names):
        values = sorted(value for one in right if (value := _VALUES[name](one)) is not None)
        least = _rounded(name, values[given_up if place == at else 0])
        if least <= 0:
            return None
        made.append(Bound(name, least))
    return tuple(made)


def _rounded(name: str, value: float) -> float:
    """Round down: what a bound was made of must pass it, whatever binary fractions make of 0.07."""
    step = _STEPS[name]
    least = round(floor(value / step + 1e-9) * step, 6)
    return least if least <= value else round(least - step, 6)


def _passes(fact: Fact, bounds: Sequence[Bound]) -> bool:
    """Say whether an event would still be one. What is sealed is believed to pass."""
    return all((value := _VALUES[bound.what](fact)) is None or value >= bound.least for bound in bounds)


# places


def _masks(right: Sequence[Fact], wrong: Sequence[Fact]) -> tuple[Box, ...]:
    """Return places where false alarms lie on top of each other and no right event's feet ever were."""
    boxes = [one.box for one in wrong if one.box is not None]
    if any(one.box is None for one in right):  # sealed: who knows where they were
        return ()
    found: list[Box] = []
    while boxes:
        first = max(boxes, key=lambda box: sum(box.iou(other) >= SAME_PLACE for other in boxes))
        same = [box for box in boxes if first.iou(box) >= SAME_PLACE]
        boxes = [box for box in boxes if box not in same]
        if len(same) < CLUSTER:
            break
        place = Box(
            max(0.0, round(min(box.x1 for box in same) - ROOM, 3)),
            max(0.0, round(min(box.y1 for box in same) - ROOM, 3)),
            min(1.0, round(max(box.x2 for box in same) + ROOM, 3)),
            min(1.0, round(max(box.y2 for box in same) + ROOM, 3)),
        )
        if not any(one.box is not None and _stands_in(one.box, place) for one in right):
            found.append(place)
    return tuple(found)


def _stands_in(box: Box, place: Box) -> bool:
    x, y = box.foot
    return place.x1 <= x <= place.x2 and place.y1 <= y <= place.y2
