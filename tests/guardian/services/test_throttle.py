"""Waits after wrong passwords."""

from guardian.services.throttle import FREE_TRIES, LONGEST_WAIT_S, MAX_KEYS, Throttle


def test_five_tries_are_free_then_waits_double() -> None:
    throttle, waits = Throttle(), []
    for _ in range(FREE_TRIES + 3):
        waits.append(throttle.wait_s("a", 100.0))
        throttle.failed("a", 100.0)
    assert waits == [0.0] * FREE_TRIES + [2.0, 4.0, 8.0]
    assert throttle.wait_s("a", 115.9) > 0
    assert throttle.wait_s("a", 116.0) == 0


def test_waits_have_an_end_and_success_clears() -> None:
    throttle = Throttle()
    for _ in range(2000):
        throttle.failed("a", 5.0)
    assert throttle.wait_s("a", 5.0) == LONGEST_WAIT_S
    throttle.succeeded("a")
    assert throttle.wait_s("a", 5.0) == 0


def test_keys_are_apart_old_failures_fade_and_memory_is_bounded() -> None:
    throttle = Throttle()
    for _ in range(FREE_TRIES):
        throttle.failed("a", 0.0)
    assert throttle.wait_s("b", 0.0) == 0
    throttle.failed("a", 4000.0)
    assert throttle.wait_s("a", 4000.0) == 0
    for number in range(MAX_KEYS + 5):
        throttle.failed(str(number), 1.0)
    assert len(throttle._failures) == MAX_KEYS
