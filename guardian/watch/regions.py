"""Where to look: squares around what moves and what is followed, few of them; now and then the whole frame. Pure.

Networks take squares; a wide frame squeezed into one loses people that a square of it shows (docs/benchmarks.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil

from guardian.model.vision import Box, Region

ROOM = 1.4  # a square is this much larger than what it is for
LEAST_SHARE = 0.52  # of the frame's shorter side: a square this large shows a person whole when only an arm moved
GROWS = 1.18  # two squares become one when it is at most this much larger than the larger of them
ROUNDING = 1e-3  # pixels: a square around two is cut to the frame, and still has the middle of what both are for
MOST = 4  # squares a frame; where more are needed, those that lie nearest become one, at last the whole frame
FEW = 2  # squares a frame, where more of them would be answered too late


@dataclass(frozen=True, slots=True)
class _Square:
    x: float
    y: float
    side: float
    why: str


def whole(width: int, height: int) -> tuple[Region, ...]:
    """Return squares that cover a frame of this size: one for a square frame, two for a wide one."""
    side = min(width, height)
    count = max(1, ceil(max(width, height) / side - 0.1))
    step = (max(width, height) - side) / max(1, count - 1)
    squares = [
        _Square(index * step if width > height else 0, index * step if height >= width else 0, side, "floor")
        for index in range(count)
    ]
    return tuple(_region(square, width, height) for square in squares)


def plan(
    width: int, height: int, motion: Sequence[Box], tracks: Sequence[Box], least_px: int, most: int = MOST
) -> tuple[Region, ...]:
    """Return the squares to look at in a frame of this size, at most `most` where fewer than that do not cover all of it, each at least
    `least_px` where the frame allows.
    """
    squares = [_around(box, width, height, least_px, "track") for box in tracks]
    squares += [_around(box, width, height, least_px, "motion") for box in motion]
    merged = _fewer(_merge(squares, width, height), width, height, most)
    if len(merged) > most:
        return whole(width, height)
    return tuple(_region(square, width, height) for square in merged)


def _around(box: Box, width: int, height: int, least_px: int, why: str) -> _Square:
    shorter = min(width, height)
    wanted = ROOM * max(box.width * width, box.height * height)
    side = min(float(shorter), max(wanted, LEAST_SHARE * shorter, least_px))
    x, y = box.centre
    return _inside(x * width - side / 2, y * height - side / 2, side, width, height, why)


def _inside(x: float, y: float, side: float, width: int, height: int, why: str) -> _Square:
    return _Square(min(max(0.0, x), width - side), min(max(0.0, y), height - side), side, why)


def _merge(squares: list[_Square], width: int, height: int) -> list[_Square]:
    """Put squares together that lie mostly on one another, until none do."""
    shorter = min(width, height)
    done: list[_Square] = []
    waiting = sorted(squares, key=lambda square: square.side)
    while waiting:
        one = waiting.pop()
        for place, other in enumerate(done):
            side = _side(one, other)
            if side <= shorter + ROUNDING and side <= GROWS * max(one.side, other.side) + 1:
                del done[place]
                waiting.append(_both(one, other, width, height))
                break
        else:
            done.append(one)
    return done


def _fewer(squares: list[_Square], width: int, height: int, most: int) -> list[_Square]:
    """Put those together that make the smallest square, until few enough are left: the far ones keep their own, and their size in it."""
    while len(squares) > most:
        one, other = min(combinations(squares, 2), key=lambda pair: _side(*pair))
        if _side(one, other) > min(width, height) + ROUNDING:
            break
        both = _both(one, other, width, height)
        squares = _merge([square for square in squares if square not in (one, other)] + [both], width, height)
    return squares


def _side(a: _Square, b: _Square) -> float:
    """Return the side of the square around two."""
    ax, ay, bx, by = a.x, a.y, b.x, b.y
    a_right, a_bottom, b_right, b_bottom = ax + a.side, ay + a.side, bx + b.side, by + b.side
    across = (a_right if a_right > b_right else b_right) - (ax if ax < bx else bx)
    down = (a_bottom if a_bottom > b_bottom else b_bottom) - (ay if ay < by else by)
    return across if across > down else down


def _both(a: _Square, b: _Square, width: int, height: int) -> _Square:
    """Return the square around two."""
    left, top = min(a.x, b.x), min(a.y, b.y)
    across = max(a.x + a.side, b.x + b.side) - left
    down = max(a.y + a.side, b.y + b.side) - top
    why = "track" if "track" in (a.why, b.why) else a.why
    side = min(max(across, down), float(min(width, height)))
    return _inside(left - (side - across) / 2, top - (side - down) / 2, side, width, height, why)


def _region(square: _Square, width: int, height: int) -> Region:
    left, top = square.x / width, square.y / height
    return Region(Box(left, top, min(1.0, left + square.side / width), min(1.0, top + square.side / height)), square.why)
