from guardian.events.best_picture import is_better, quality
from guardian.model.vision import Box

WHOLE = Box(0.3, 0.2, 0.5, 0.8)


def test_larger_and_surer_is_better_and_cut_off_is_worse():
    assert quality(0.8, WHOLE) > quality(0.6, WHOLE)
    assert quality(0.8, WHOLE) > quality(0.8, Box(0.4, 0.4, 0.45, 0.5))
    assert quality(0.8, WHOLE) > quality(0.8, Box(0.0, 0.2, 0.2, 0.8))


def test_the_first_is_taken_and_later_ones_must_be_worth_it():
    assert is_better(0.1, 0, 0)
    assert not is_better(0.55, 0.5, 10_000_000)
    assert is_better(0.6, 0.5, 10_000_000)
    assert not is_better(0.6, 0.5, 100_000)
