from guardian.model.ids import is_uuid7
from guardian.model.time import Instant
from guardian.platform.clock import SteadyClock, SystemClock, new_id


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
