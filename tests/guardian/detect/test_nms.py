"""Which boxes stand and which fall: a table, and what must hold for any boxes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian.detect.nms import MOST_CANDIDATES, covers, suppress
from guardian.model.vision import Box

A, A_SHIFTED, A_HALF, FAR = (0.1, 0.1, 0.3, 0.3), (0.11, 0.1, 0.31, 0.3), (0.1, 0.1, 0.3, 0.2), (0.6, 0.6, 0.8, 0.8)


def kept(rows, iou=0.5, limit=100):
    boxes = np.array([row[0] for row in rows], np.float32).reshape(-1, 4)
    scores = np.array([row[1] for row in rows], np.float32)
    groups = np.array([row[2] for row in rows], np.intp)
    return suppress(boxes, scores, groups, iou, limit).tolist()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], []),
        ([(A, 0.9, 0)], [0]),
        ([(A, 0.5, 0), (A_SHIFTED, 0.9, 0)], [1]),  # the better one stands, wherever it is listed
        ([(A, 0.5, 0), (A_SHIFTED, 0.9, 1)], [1, 0]),  # another class does not suppress
        ([(A, 0.9, 0), (FAR, 0.4, 0)], [0, 1]),
        ([(A, 0.9, 0), (A_HALF, 0.8, 0)], [0, 1]),  # overlap is exactly the limit: stands
        ([(A, 0.9, 0), (A, 0.9, 0), (A, 0.9, 0)], [0]),  # equal scores: the first
        ([(A, 0.3, 2), (A, 0.9, 1), (A_SHIFTED, 0.8, 1), (A_SHIFTED, 0.7, 2)], [1, 3]),  # per class
        ([((0.2, 0.2, 0.2, 0.2), 0.9, 0), ((0.2, 0.2, 0.2, 0.2), 0.8, 0)], [0, 1]),  # no area: no overlap, no warning
    ],
)
def test_table(rows, expected):
    assert kept(rows) == expected


def test_a_chain_of_overlaps_keeps_both_ends():
    chain = [((0.0, 0, 0.4, 1), 0.9, 0), ((0.1, 0, 0.5, 1), 0.8, 0), ((0.2, 0, 0.6, 1), 0.7, 0)]
    assert kept(chain) == [0, 2]  # the middle one fell, so it suppresses nobody


def test_the_limit_keeps_the_best():
    rows = [((i / 10, 0, i / 10 + 0.05, 1), i / 10, 0) for i in range(8)]
    assert kept(rows, limit=3) == [7, 6, 5]


def test_a_flood_of_candidates_is_cut_to_the_best():
    rows = [((i / 1000, 0, i / 1000 + 0.0005, 1), i / 1000, 0) for i in range(900)]
    assert kept(rows, limit=900) == list(range(899, 899 - MOST_CANDIDATES, -1))


BOX = st.tuples(*[st.floats(0, 1, width=32)] * 4).map(
    lambda v: (min(v[0], v[2]), min(v[1], v[3]), max(v[0], v[2]), max(v[1], v[3]))
)


@given(st.lists(st.tuples(BOX, st.floats(0.0625, 1, width=32), st.integers(0, 2)), max_size=20))
def test_what_stands_does_not_cover_and_what_falls_is_covered_by_a_better_one(rows):
    stands = kept(rows)
    overlap = covers(np.array([row[0] for row in rows], np.float32).reshape(-1, 4), 0.5)
    for i in stands:
        assert not any(overlap[i, j] and rows[i][2] == rows[j][2] for j in stands if j != i)
    for i in set(range(len(rows))) - set(stands):
        assert any(overlap[i, j] and rows[i][2] == rows[j][2] and rows[j][1] >= rows[i][1] for j in stands)


@given(BOX, BOX)
def test_overlap_agrees_with_the_model_value(a, b):
    iou = Box(*a).iou(Box(*b))
    tiny = min(Box(*a).area, Box(*b).area) < 1e-9  # far below a pixel, where single precision has nothing left to divide
    if abs(iou - 0.4) > 1e-3 and not tiny:
        assert bool(covers(np.array([a, b], np.float32), 0.4)[0, 1]) == (iou > 0.4)
