"""What goes, as a table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian.store.retention import MIN_RESERVE, Disk, Limits, Rules, Why, must_pause, plan_deletions
from tests.support.recorded import MINUTE, T0, record

ROOM = 1 << 60
NOW = T0 + 100 * MINUTE


def front(count: int, size: int = 10) -> list:  # type: ignore[type-arg]
    return [record(T0 + n * MINUTE, size=size) for n in range(count)]


def disk(free: int = ROOM, **used: int) -> Disk:
    return Disk(free, used)


@pytest.mark.parametrize(
    ("rules", "state", "gone", "why"),
    [
        (Rules(), disk(front=50), 0, None),
        (Rules(Limits(max_age_us=97 * MINUTE)), disk(front=50), 2, Why.AGE),
        (Rules(Limits(max_age_us=1000 * MINUTE)), disk(front=50), 0, None),
        (Rules(Limits(max_bytes=30)), disk(front=50), 2, Why.SIZE),
        (Rules(Limits(max_bytes=31)), disk(front=50), 2, Why.SIZE),
        (Rules(Limits(max_bytes=50)), disk(front=50), 0, None),
        (Rules(Limits(max_bytes=50)), disk(front=50, back=15), 2, Why.SIZE),
        (Rules(cameras={"front": Limits(max_bytes=20)}), disk(front=50), 3, Why.CAMERA_SIZE),
        (Rules(cameras={"back": Limits(max_bytes=20)}), disk(front=50), 0, None),
        (Rules(Limits(max_age_us=97 * MINUTE), {"front": Limits(max_age_us=200 * MINUTE)}), disk(front=50), 0, None),
        (Rules(Limits(max_age_us=97 * MINUTE), {"front": Limits(max_age_us=96 * MINUTE)}), disk(front=50), 3, Why.AGE),
        (Rules(), disk(MIN_RESERVE - 1, front=50), 5, Why.RESERVE),
    ],
)
def test_plan(rules: Rules, state: Disk, gone: int, why: Why | None) -> None:
    segments = front(5)
    plan = plan_deletions(list(reversed(segments)), rules, NOW, state)
    assert [one.segment for one in plan] == segments[:gone], "the oldest go first"
    assert {one.why for one in plan} == ({why} if why else set())


def test_a_segment_is_as_old_as_its_end() -> None:
    (one,) = front(1)
    rules = Rules(Limits(max_age_us=10 * MINUTE))
    assert plan_deletions([one], rules, one.end_utc_us + 10 * MINUTE, disk(front=10)) == ()
    assert len(plan_deletions([one], rules, one.end_utc_us + 10 * MINUTE + 1, disk(front=10))) == 1


def test_the_reserve_is_reached_with_headroom_and_no_more() -> None:
    size = 1_000_000
    rules = Rules(reserve_bytes=100_000_000)
    plan = plan_deletions(front(90, size), rules, NOW, disk(99_500_000, front=90 * size))
    freed = 99_500_000 + len(plan) * size
    assert rules.target_bytes <= freed < rules.target_bytes + size
    assert plan_deletions(front(90, size), rules, NOW, disk(100_000_000, front=90 * size)) == ()


def test_the_oldest_of_all_cameras_goes_for_the_general_size() -> None:
    segments = [record(T0, "back", size=10), record(T0 + MINUTE, size=10), record(T0 + 2 * MINUTE, "back", size=10)]
    plan = plan_deletions(segments, Rules(Limits(max_bytes=10)), NOW, disk(front=10, back=20))
    assert [one.segment for one in plan] == segments[:2]


def test_pausing_does_not_flutter() -> None:
    rules = Rules(reserve_bytes=1_000_000_000)
    assert not must_pause(rules.floor_bytes, rules, paused=False)
    assert must_pause(rules.floor_bytes - 1, rules, paused=False)
    assert must_pause(rules.floor_bytes + 1, rules, paused=True)
    assert not must_pause(rules.target_bytes, rules, paused=True)


@given(
    st.lists(
        st.tuples(st.integers(0, 200), st.integers(1, 50), st.sampled_from(["a", "b"])),
        max_size=30,
        unique_by=lambda t: (t[0], t[2]),
    ),
    st.one_of(st.none(), st.integers(1, 150)),
    st.one_of(st.none(), st.integers(1, 500)),
)
def test_limits_hold_after_every_plan_and_nothing_younger_goes_before_older(
    pieces: list[tuple[int, int, str]], age: int | None, most: int | None
) -> None:
    segments = [record(T0 + at * MINUTE, camera, size=size) for at, size, camera in pieces]
    used = {camera: sum(one.size_bytes for one in segments if one.header.camera == camera) for camera in ("a", "b")}
    rules = Rules(Limits(None if age is None else age * MINUTE, most))
    plan = plan_deletions(segments, rules, T0 + 200 * MINUTE, Disk(ROOM, used))
    gone = {one.segment.header.segment_id for one in plan}
    kept = [one for one in segments if one.header.segment_id not in gone]
    assert most is None or sum(one.size_bytes for one in kept) <= most
    assert age is None or all(one.end_utc_us >= T0 + (200 - age) * MINUTE for one in kept)
    starts = [one.segment.header.start_utc_us for one in plan]
    assert starts == sorted(starts)
    assert not kept or not starts or max(starts) <= min(one.header.start_utc_us for one in kept) or len(kept) == 0
