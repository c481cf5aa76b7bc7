"""The assignment problem: pairs of rows and columns with the greatest sum.

Shortest augmenting paths with potentials (the Hungarian method as of Jonker and Volgenant, "A shortest augmenting path
algorithm for dense and sparse linear assignment problems", Computing 38, 1987).
"""

from __future__ import annotations

from math import inf

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
    columns = _assign((-(worth.T if flipped else worth)).tolist())
    return [(c, r) if flipped else (r, c) for r, c in enumerate(columns)]


def _assign(cost: list[list[float]]) -> list[int]:
    """Return for each row its column at least total cost; there must be at least as many columns as rows.

    On plain numbers: what is contested in a frame is a handful, for which arrays cost several times as much.
    """
    rows, columns = len(cost), len(cost[0])
    row_of = [-1] * (columns + 1)  # the last column is where each search begins
    u, v = [0.0] * rows, [0.0] * (columns + 1)
    for row in range(rows):
        row_of[columns] = row
        at = columns
        shortest, came_from = [inf] * columns, [columns] * columns
        open_, done = list(range(columns)), []
        while row_of[at] >= 0:
            done.append(at)
            here = row_of[at]
            line, least = cost[here], u[here]
            following, delta = -1, inf
            for column in open_:
                reduced = line[column] - least - v[column]
                if reduced < shortest[column]:
                    shortest[column], came_from[column] = reduced, at
                if shortest[column] < delta:
                    following, delta = column, shortest[column]
            for column in done:
                u[row_of[column]] += delta
                v[column] -= delta
            open_.remove(following)
            for column in open_:
                shortest[column] -= delta
            at = following
        while at != columns:
            before = came_from[at]
            row_of[at] = row_of[before]
            at = before
    out = [-1] * rows
    for column in range(columns):
        if row_of[column] >= 0:
            out[row_of[column]] = column
    return out
