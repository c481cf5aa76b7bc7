from guardian.pluginhost.breaker import Breaker


def test_it_opens_after_three_failures_in_a_row_and_waits_longer_each_time():
    breaker = Breaker()
    assert [breaker.failed(0) for _ in range(3)] == [False, False, True]
    assert not breaker.allows(29.9)
    assert breaker.allows(30)
    assert [breaker.failed(30) for _ in range(3)][-1]
    assert not breaker.allows(89)
    assert breaker.allows(90)


def test_success_forgets():
    breaker = Breaker()
    breaker.failed(0)
    breaker.failed(0)
    breaker.succeeded()
    assert not breaker.failed(0)
    assert breaker.allows(0)
    assert breaker.total_failures == 3


def test_it_never_stays_open_longer_than_ten_minutes():
    breaker = Breaker()
    for _ in range(60):
        breaker.failed(0)
    assert breaker.open_until_s == 600
