"""Zones, lines and masks over a camera's picture, in image-relative coordinates: 0..1 from the top left corner."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise
from math import hypot
from typing import Literal

from guardian.model.schedule import ALWAYS, Schedule

Point = tuple[float, float]
Side = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class Zone:
    """A named polygon. `points`: at least three; `labels` empty means every label.

    `loiter_us`: who stays so long loiters; 0: nobody does. `makes_event`: what must happen here for a thing to count where
    only things in a zone do. `schedule`: when the zone is there at all.
    """

    name: str
    points: tuple[Point, ...]
    labels: frozenset[str] = frozenset()
    loiter_us: int = 0
    makes_event: Literal["enter", "loiter", "never"] = "enter"
    schedule: Schedule = ALWAYS

    def wants(self, label: str) -> bool:
        """Say whether things of a label count here."""
        return not self.labels or label in self.labels

    def contains(self, x: float, y: float) -> bool:
        """Say whether a point lies inside."""
        return inside(self.points, x, y)

    def depth(self, x: float, y: float, width: float, height: float) -> float:
        """Return how far a point is from the outline, counted in widths and heights of a thing that is so large."""
        scaled = [(px / width, py / height) for px, py in self.points]
        here = (x / width, y / height)
        return min(_distance(here, a, b) for a, b in pairwise((scaled[-1], *scaled)))


@dataclass(frozen=True, slots=True)
class Line:
    """A named line from `a` to `b`. Crossing it goes `left` or `right` as one sees it who stands at `a` and looks at `b`.

    `direction`: the crossings that count. `labels`, `makes_event`, `schedule`: as of a zone.
    """

    name: str
    a: Point
    b: Point
    direction: Literal["left", "right", "both"] = "both"
    labels: frozenset[str] = frozenset()
    makes_event: Literal["cross", "never"] = "cross"
    schedule: Schedule = ALWAYS

    def wants(self, label: str) -> bool:
        """Say whether things of a label count here."""
        return not self.labels or label in self.labels

    def side(self, x: float, y: float) -> Side:
        """Return the side that a point lies on. A point on the line is on its right, so that every point has one side."""
        return "right" if _turn(self.a, self.b, (x, y)) >= 0 else "left"

    def depth(self, x: float, y: float, width: float, height: float) -> float:
        """Return how far a point is from the line (without end), counted in widths and heights of a thing that is so large."""
        ax, ay, bx, by = self.a[0] / width, self.a[1] / height, self.b[0] / width, self.b[1] / height
        length = hypot(bx - ax, by - ay)
        return abs(_turn((ax, ay), (bx, by), (x / width, y / height))) / length if length else 0.0

    def is_crossed(self, start: Point, end: Point) -> bool:
        """Say whether a step crosses the line between its ends."""
        if self.side(*start) == self.side(*end):
            return False
        return (_turn(start, end, self.a) >= 0) != (_turn(start, end, self.b) >= 0)


@dataclass(frozen=True, slots=True)
class Mask:
    """A polygon in which things of these labels (empty: of any) are not seen."""

    points: tuple[Point, ...]
    labels: frozenset[str] = frozenset()

    def hides(self, label: str, x: float, y: float) -> bool:
        """Say whether a thing that stands at this point is hidden."""
        return (not self.labels or label in self.labels) and inside(self.points, x, y)


def inside(points: tuple[Point, ...], x: float, y: float) -> bool:
    """Say whether a point lies inside a polygon, by the even-odd rule (ray casting; Shimrat 1962)."""
    found = False
    last_x, last_y = points[-1]
    for px, py in points:
        if (py > y) != (last_y > y) and x < (last_x - px) * (y - py) / (last_y - py) + px:
            found = not found
        last_x, last_y = px, py
    return found


def area(points: tuple[Point, ...]) -> float:
    """Return a polygon's area (shoelace formula) as a share of the picture's."""
    return abs(sum(ax * by - bx * ay for (ax, ay), (bx, by) in pairwise((points[-1], *points)))) / 2


def crosses_itself(points: tuple[Point, ...]) -> bool:
    """Say whether two sides of a polygon meet anywhere but at the corner that joins them."""
    sides = list(pairwise((points[-1], *points)))
    for (i, (a, b)), (j, (c, d)) in combinations(enumerate(sides), 2):
        joined = j - i == 1 or (i == 0 and j == len(sides) - 1)
        if joined:
            corner, one, other = (b, a, d) if j - i == 1 else (a, b, c)
            if len(sides) > 3 and _turn(corner, one, other) == 0 and _between(corner, one, other):
                return True
        elif _meet(a, b, c, d):
            return True
    return False


def _turn(a: Point, b: Point, p: Point) -> float:
    """Above 0 where `p` lies to the right of the way from `a` to `b` (y grows downwards)."""
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])


def _between(corner: Point, one: Point, other: Point) -> bool:
    """Say whether two points in line with a corner lie on the same side of it: the outline goes back on itself."""
    return (one[0] - corner[0]) * (other[0] - corner[0]) + (one[1] - corner[1]) * (other[1] - corner[1]) > 0


def _meet(a: Point, b: Point, c: Point, d: Point) -> bool:
    turns = [_turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b)]
    if turns[0] * turns[1] < 0 and turns[2] * turns[3] < 0:
        return True
    touching = ((turns[0], a, b, c), (turns[1], a, b, d), (turns[2], c, d, a), (turns[3], c, d, b))
    return any(turn == 0 and _on(start, end, point) for turn, start, end, point in touching)


def _on(a: Point, b: Point, p: Point) -> bool:
    """Say whether a point that is in line with a segment lies on it."""
    return min(a[0], b[0]) <= p[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= p[1] <= max(a[1], b[1])


def _distance(p: Point, a: Point, b: Point) -> float:
    dx, dy = b[0] - a[0], b[1] - a[1]
    square = dx * dx + dy * dy
    share = 0.0 if square == 0 else max(0.0, min(1.0, ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / square))
    return hypot(p[0] - a[0] - share * dx, p[1] - a[1] - share * dy)
