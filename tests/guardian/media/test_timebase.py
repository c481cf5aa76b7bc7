from hypothesis import given
from hypothesis import strategies as st

from guardian.media.timebase import Unwrap, from_us, rescale, to_us


def test_rescale_rounds_to_the_nearest() -> None:
    assert rescale(1, 90_000, 1_000_000) == 11
    assert rescale(3, 2, 1) == 2
    assert rescale(-3, 2, 1) == -1
    assert rescale(1024, 48_000, 90_000) == 1920
    assert to_us(90_000 * 3_600, 90_000) == 3_600_000_000


@given(st.integers(-(1 << 60), 1 << 60))
def test_microseconds_survive_a_coarser_clock_within_half_a_tick(us: int) -> None:
    assert abs(to_us(from_us(us, 90_000), 90_000) - us) <= 6


def test_unwrap_counts_on() -> None:
    unwrap = Unwrap(33)
    top = 1 << 33
    assert [unwrap(v) for v in (top - 3000, top - 1, 2999, 0, 6000)] == [top - 3000, top - 1, top + 2999, top, top + 6000]


@given(st.lists(st.integers(-5000, 90_000), max_size=50), st.integers(0, (1 << 32) - 1))
def test_unwrap_restores_any_steps_smaller_than_half(steps: list[int], start: int) -> None:
    unwrap, value = Unwrap(32), start
    assert unwrap(start) == start
    for step in steps:
        value += step
        assert unwrap(value % (1 << 32)) == value
