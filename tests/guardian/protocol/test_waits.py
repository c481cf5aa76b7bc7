"""Waits between calls to somebody who is away."""

from guardian.protocol.waits import LONGEST_WAIT_S, next_wait


def test_waits_grow_with_chance_and_end_somewhere():
    wait = 1.0
    for _ in range(20):
        wait = next_wait(wait, lambda: 1.0)
    assert wait == LONGEST_WAIT_S
    assert next_wait(100.0, lambda: 0.0) == 1.0
