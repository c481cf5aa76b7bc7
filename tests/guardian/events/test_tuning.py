"""Thresholds from thumbs, as tables."""

import pytest

from guardian.events.tuning import Bound, Fact, least_share, most_lost, propose, right_needed
from guardian.model.vision import Box


def facts(right: list[float], wrong: list[float], **same: float) -> list[Fact]:
    """Events that differ in their score alone."""
    known = {"seconds": 10.0, "area": 0.1} | same
    told = [(True, score) for score in right] + [(False, score) for score in wrong]
    return [Fact(f"{at}", is_right, score, known["seconds"], known["area"]) for at, (is_right, score) in enumerate(told)]


@pytest.mark.parametrize(
    ("right", "wrong", "why", "more"),
    [
        ([], [], "11 more thumbs up and 5 more thumbs down", (11, 5)),
        ([0.8] * 10, [0.4] * 5, "1 more thumbs up", (1, 0)),
        ([0.8] * 11, [0.4] * 4, "1 more thumbs down", (0, 1)),
        ([0.5] * 20, [0.9] * 9, "no threshold", (0, 0)),
        ([0.5, *[0.8] * 20], [0.6] * 9, "no threshold", (0, 0)),
        ([0.5] * 20, [0.9] * 9 + [0.4], "no threshold", (0, 0)),
    ],
    ids=["none", "one up is wanting", "one down is wanting", "wrong ones score higher", "one right below", "one of ten"],
)
def test_nothing_is_proposed_where_nothing_is_known(
    right: list[float], wrong: list[float], why: str, more: tuple[int, int]
) -> None:
    made = propose(facts(right, wrong))
    assert made.bounds == ()
    assert why in made.why
    assert (made.more_right, made.more_wrong) == more
    assert (made.kept, made.dropped) == (len(right), 0)


@pytest.mark.parametrize(
    ("right", "wrong", "least", "kept", "dropped"),
    [
        ([0.7] * 11, [0.5] * 5, 0.7, 11, 5),
        ([0.618, *[0.9] * 14], [0.5, 0.55, 0.6, 0.612, 0.7], 0.61, 15, 3),
        ([0.5, *[0.8] * 41], [0.6] * 17 + [0.9] * 2, 0.8, 41, 17),
        ([0.5, 0.5, *[0.8] * 40], [0.4] * 2 + [0.6] * 5, 0.5, 42, 2),
    ],
    ids=["clean cut", "rounded down", "41 of 42", "two are too many to give up"],
)
def test_a_threshold_lies_below_the_right_ones(
    right: list[float], wrong: list[float], least: float, kept: int, dropped: int
) -> None:
    made = propose(facts(right, wrong))
    assert made.bounds == (Bound("score", least),)
    assert (made.kept, made.dropped, made.right, made.wrong) == (kept, dropped, len(right), len(wrong))
    assert 0 < made.loss < made.most_loss <= 0.25
    assert 0 < made.dropped_low < dropped / len(wrong)


def test_short_and_small_false_alarms_get_bounds_of_their_own() -> None:
    people = [Fact(f"r{n}", True, 0.6 + n / 100, 4.0 + n, 0.05) for n in range(30)]
    flickers = [Fact(f"w{n}", False, 0.8, 1.0, 0.05) for n in range(10)]
    far = [Fact(f"f{n}", False, 0.8, 20.0, 0.004) for n in range(10)]
    made = propose(people + flickers + far)
    assert made.bounds == (Bound("seconds", 4.0), Bound("area", 0.05))
    assert (made.kept, made.dropped) == (30, 20)
    only_short = propose(people + flickers)
    assert only_short.bounds == (Bound("seconds", 4.0),)


def test_what_a_bound_was_made_of_passes_it() -> None:
    """0.6 - 0.5 is a little less than 0.1: rounding must not put the bound above the right events."""
    right, wrong = Box(0.5, 0.2, 0.6, 0.9), Box(0.1, 0.2, 0.13, 0.3)
    told = [Fact(f"r{n}", True, 0.8, 5.0, right.area, right) for n in range(20)]
    told += [Fact(f"w{n}", False, 0.8, 5.0, wrong.area, wrong) for n in range(8)]
    made = propose(told)
    assert made.bounds == (Bound("area", 0.0695),)
    assert (made.kept, made.dropped) == (20, 8)


def test_what_is_sealed_bounds_no_size() -> None:
    sealed = [Fact(f"{n}", n < 20, 0.7, 5.0) for n in range(30)]
    assert propose(sealed).bounds == ()
    assert propose(sealed).masks == ()


def test_false_alarms_in_one_place_are_masked_unless_somebody_walked_there() -> None:
    bush, path = Box(0.1, 0.5, 0.2, 0.7), Box(0.6, 0.3, 0.7, 0.9)
    wrong = [Fact(f"w{n}", False, 0.6, 5.0, 0.02, Box(0.1 + n / 1000, 0.5, 0.2 + n / 1000, 0.7)) for n in range(3)]
    right = [Fact(f"r{n}", True, 0.6, 5.0, 0.02, path) for n in range(3)]
    (mask,) = propose(wrong + right).masks
    assert (mask.x1, mask.y1, mask.x2, mask.y2) == (0.09, 0.49, 0.212, 0.71)
    assert propose(wrong[:2] + right).masks == ()
    assert propose([*wrong, *right, Fact("walked", True, 0.6, 5.0, 0.02, bush)]).masks == ()


def test_the_limits_are_those_of_the_tables() -> None:
    assert right_needed() == 11
    assert most_lost(11, 1) == pytest.approx(1 - 0.05 ** (1 / 11), abs=1e-6)
    assert most_lost(59, 1) == pytest.approx(0.0495, abs=1e-4)  # Wilks: 59 of them for 95 % of the rest at 95 %
    assert most_lost(93, 2) == pytest.approx(0.05, abs=5e-4)
    assert most_lost(0, 1) == 1.0
    assert least_share(10, 10) == pytest.approx(0.05 ** (1 / 10), abs=1e-6)
    assert least_share(10, 0) == 0.0
