"""Which moment makes the picture."""

import pytest

from guardian.events.best_picture import is_better, quality
from guardian.model.vision import Box

MIDDLE = Box(0.4, 0.3, 0.6, 0.7)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ((0.9, MIDDLE), (0.6, MIDDLE)),
        ((0.7, MIDDLE), (0.7, Box(0.45, 0.45, 0.5, 0.55))),
        ((0.7, MIDDLE), (0.8, Box(0.0, 0.3, 0.2, 0.7))),
        ((0.7, MIDDLE), (0.8, Box(0.4, 0.6, 0.6, 1.0))),
    ],
)
def test_well_seen_of_good_size_and_whole_is_better(better, worse):
    assert quality(*better) > quality(*worse)


def test_larger_than_large_is_no_better():
    assert quality(0.7, Box(0.1, 0.1, 0.9, 0.9)) == quality(0.7, Box(0.3, 0.3, 0.7, 0.7))


@pytest.mark.parametrize(
    ("new", "best", "since_us", "taken"),
    [(0.1, 0.0, 0, True), (0.55, 0.5, 10_000_000, False), (0.6, 0.5, 10_000_000, True), (0.9, 0.5, 500_000, False)],
)
def test_a_picture_is_replaced_by_a_clearly_better_one_and_not_too_often(new, best, since_us, taken):
    assert is_better(new, best, since_us) is taken
