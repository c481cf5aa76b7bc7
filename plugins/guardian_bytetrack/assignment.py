"""The assignment problem: pairs of rows and columns with the greatest sum.

Shortest augmenting paths with potentials (the Hungarian method as of Jonker and Volgenant, "A shortest augmenting path
algorithm for dense and sparse linear assignment problems", Computing 38, 1987).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def match(gain: Floats, least: float) -> list[tuple[int, int]]:
    """Return (row, column) pairs of greatest total gain (N, M), each row and column at most once; gains below `least` never pair."""
    if gain.size == 0:
        return []
    allowed = gain >= least
    alone = allowed & (allowed.sum(axis=1) == 1)[:, None] & (allowed.sum(axis=0) == 1)[None]
    sure = [(int(r), int(c)) for r, c in np.argwhere(alone)]  # nobody else wants either: no search can do better
    rows, columns = np.flatnonzero((allowed & ~alone).any(axis=1)), np.flatnonzero((allowed & ~alone).any(axis=0))
    if not len(rows):
        return sure
    found = _search(np.where(allowed, gain, 0.0)[np.ix_(rows, columns)])  # a forbidden pair is worth nothing, as no pair is
    pairs = ((int(rows[r]), int(columns[c])) for r, c in found)
    return sorted([*sure, *((r, c) for r, c in pairs if allowed[r, c])])


def _search(worth: Floats) -> list[tuple[int, int]]:
    flipped = worth.shape[0] > worth.shape[1]
    columns = _assign(-(worth.T if flipped else worth))
    return [(int(c), r) if flipped else (r, int(c)) for r, c in enumerate(columns)]


def _assign(cost: Floats) -> NDArray[np.intp]:
    """Return for each row its column at least total cost; there must be at least as many columns as rows."""
    rows, columns = cost.shape
    row_of = np.full(columns + 1, -1, np.intp)  # the last column is where each search begins
    u, v = np.zeros(rows), np.zeros(columns + 1)
    for row in range(rows):
        row_of[columns] = row
        at = columns
        shortest, came_from = np.full(columns, np.inf), np.full(columns, columns, np.intp)
        done = np.zeros(columns + 1, bool)
        while row_of[at] >= 0:
            done[at] = True
            here = row_of[at]
            reduced = cost[here] - u[here] - v[:columns]
            better = ~done[:columns] & (reduced < shortest)
            shortest[better], came_from[better] = reduced[better], at
            following = int(np.argmin(np.where(done[:columns], np.inf, shortest)))
            delta = shortest[following]
            u[row_of[done]] += delta
            v[done] -= delta
            shortest[~done[:columns]] -= delta
            at = following
        while at != columns:
            before = came_from[at]
            row_of[at] = row_of[before]
            at = int(before)
    out = np.full(rows, -1, np.intp)
    taken = np.flatnonzero(row_of[:columns] >= 0)
    out[row_of[taken]] = taken
    return out
