"""Pairs of greatest sum, against trying all of them."""

from itertools import permutations

import numpy as np
import pytest
from guardian_bytetrack.assignment import match


def best_sum(gain, least):
    worth = np.where(gain >= least, gain, 0.0)
    if worth.shape[0] > worth.shape[1]:
        worth = worth.T
    rows = range(worth.shape[0])
    return max(
        sum(worth[r, c] for r, c in zip(rows, order, strict=True))
        for order in permutations(range(worth.shape[1]), len(rows))
    )


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (5, 2), (4, 4), (5, 6)])
@pytest.mark.parametrize("least", [0.0, 0.3, 0.7])
def test_no_other_pairs_gain_more(shape, least):
    random = np.random.default_rng(shape[0] * 10 + shape[1])
    for _ in range(20):
        gain = random.random(shape)
        pairs = match(gain, least)
        assert len({r for r, _ in pairs}) == len({c for _, c in pairs}) == len(pairs)
        assert all(gain[r, c] >= least for r, c in pairs)
        assert sum(gain[r, c] for r, c in pairs) == pytest.approx(best_sum(gain, least))


def test_greedy_would_be_wrong_here():
    assert match(np.array([[0.9, 0.8], [0.85, 0.1]]), 0.05) == [(0, 1), (1, 0)]


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_nothing_pairs_with_nothing(shape):
    assert match(np.zeros(shape), 0.1) == []
