import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian.capture.reconnect import FIRST_S, JITTER, LONG_RUN_S, LONGEST_S, Backoff


def waits(code, n, ran_s=0.0, jitter=0.0):
    backoff = Backoff()
    return [backoff.next_s(code, ran_s, jitter) for _ in range(n)]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("unreachable", [0.5, 1.0, 2.0, 3.0, 3.0]),
        ("stalled", [0.5, 1.0, 2.0, 3.0, 3.0]),
        ("device_fault", [0.5, 1.0, 2.0, 3.0, 3.0]),
        ("path_not_found", [2.0, 4.0, 8.0, 10.0, 10.0]),
        ("not_a_video", [5.0, 10.0, 10.0, 10.0, 10.0]),
        ("login_refused", [5.0, 10.0, 20.0, 30.0, 30.0]),
        ("something_new", [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]),
    ],
)
def test_waits_grow_to_the_longest_of_their_kind(code, expected):
    assert waits(code, len(expected)) == expected


def test_a_good_run_begins_anew():
    backoff = Backoff()
    for _ in range(5):
        backoff.next_s("unreachable", 0.0, 0.0)
    assert backoff.next_s("unreachable", LONG_RUN_S, 0.0) == LONGEST_S["unreachable"]
    assert backoff.next_s("unreachable", LONG_RUN_S + 0.1, 0.0) == FIRST_S


def test_another_fault_begins_anew():
    backoff = Backoff()
    for _ in range(5):
        backoff.next_s("login_refused", 0.0, 0.0)
    assert backoff.next_s("unreachable", 0.0, 0.0) == FIRST_S
    assert backoff.next_s("login_refused", 0.0, 0.0) == 5.0


def test_who_does_not_answer_is_asked_within_the_five_seconds_in_which_recording_must_go_on():
    assert max(waits("unreachable", 50)) <= 3.0
    assert max(waits("stalled", 50)) <= 3.0


def test_a_refused_login_is_never_asked_more_than_once_in_four_seconds():
    assert min(waits("login_refused", 50, jitter=1.0)) >= 4.0


@given(
    st.lists(st.tuples(st.sampled_from([*LONGEST_S, "else"]), st.floats(0, 1e6), st.floats(0, 1)), min_size=1, max_size=30)
)
def test_a_wait_is_never_nothing_and_never_too_long(faults):
    backoff = Backoff()
    for code, ran_s, jitter in faults:
        wait_s = backoff.next_s(code, ran_s, jitter)
        assert FIRST_S * (1 - JITTER) <= wait_s <= LONGEST_S.get(code, 10.0)


def test_jitter_shortens_by_a_fifth_at_the_most_and_does_not_add_up():
    assert waits("unreachable", 5, jitter=1.0) == pytest.approx([0.4, 0.8, 1.6, 2.4, 2.4])
