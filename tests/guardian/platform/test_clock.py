from guardian.model.ids import is_uuid7
from guardian.model.time import Instant
from guardian.platform.clock import PatientClock, SteadyClock, SystemClock, new_id


class Jumping:
    def __init__(self):
        self.utc_us, self.mono_us = 1_000_000_000, 5_000_000

    def now(self):
        return Instant(self.utc_us, self.mono_us)

    def mono_s(self):
        return self.mono_us / 1e6


def test_a_steady_clock_does_not_follow_jumps_of_the_wall_clock():
    base = Jumping()
    clock = SteadyClock(base)
    base.mono_us += 2_000_000
    base.utc_us -= 3_600_000_000
    assert clock.now() == Instant(1_002_000_000, 7_000_000)


def test_ids_are_fresh():
    clock = SystemClock()
    ids = [new_id(clock) for _ in range(100)]
    assert len(set(ids)) == 100
    assert all(map(is_uuid7, ids))


HOUR_US, YEAR_US = 3_600_000_000, 365 * 86_400_000_000


def forward(base, microseconds):
    base.utc_us += microseconds
    base.mono_us += microseconds


def test_a_jump_is_believed_after_an_hour():
    base = Jumping()
    clock = PatientClock(base)
    base.utc_us += 10 * YEAR_US
    for _ in range(59):
        assert clock.now().utc_us == base.utc_us - 10 * YEAR_US
        forward(base, HOUR_US // 60)
    forward(base, HOUR_US // 30)
    assert clock.now().utc_us == base.utc_us


def test_a_jump_that_is_taken_back_was_never_believed():
    base = Jumping()
    clock = PatientClock(base)
    for _ in range(5):
        base.utc_us += YEAR_US
        assert clock.now().utc_us == base.utc_us - YEAR_US
        forward(base, HOUR_US // 2)
        assert clock.now().utc_us == base.utc_us - YEAR_US
        base.utc_us -= YEAR_US
        assert clock.now().utc_us == base.utc_us
        forward(base, HOUR_US // 2)


def test_a_clock_that_is_set_right_by_seconds_is_followed():
    base = Jumping()
    clock = PatientClock(base)
    for step in (50_000_000, -40_000_000, 59_000_000):
        base.utc_us += step
        assert clock.now().utc_us == base.utc_us


def test_a_clock_that_is_far_past_the_last_footage_at_the_start_has_to_wait():
    base = Jumping()
    clock = PatientClock(base)
    clock.remember(base.utc_us - YEAR_US)
    assert clock.now().utc_us == base.utc_us - YEAR_US
    forward(base, HOUR_US)
    assert clock.now().utc_us == base.utc_us
    near = PatientClock(base)
    near.remember(base.utc_us - HOUR_US)
    assert near.now().utc_us == base.utc_us
