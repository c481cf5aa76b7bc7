"""When the relay forgets the newest handshake of its home: never while a session may be in force, and again and again while none is."""

import time

from guardian_relay.silence import SILENT_S, Silence, problem, step
from hypothesis import given
from hypothesis import strategies as st

from guardian.protocol.wireguard import REJECT_AFTER_S, public_key
from tests.support.initiation import SIZE, initiation, tai64n


def forgets(silence, until_s, handshake_s=0, from_s=0):
    """When it does, looked at each two seconds."""
    found = []
    for now_s in range(from_s, until_s, 2):
        silence, forget = step(silence, handshake_s=handshake_s, now_s=now_s)
        if forget:
            found.append(now_s)
            handshake_s = 0  # of a peer that was set anew
    return found, silence


def test_a_home_that_shakes_hands_is_never_forgotten():
    silence = Silence(0.0)
    for now_s in range(0, 100_000, 2):
        silence, forget = step(silence, handshake_s=1_795_000_000 + now_s // 125 * 125, now_s=now_s)
        assert not forget
    assert problem(silence, 100_000) == ""


def test_a_silent_home_is_forgotten_once_each_time_that_it_was_silent_for_so_long():
    found, silence = forgets(Silence(0.0, handshake_s=7), 1000, handshake_s=7)
    assert found == [200, 400, 600, 800]
    assert "for 17 minutes:" in problem(silence, 1000)
    assert "its clock went back" in problem(silence, 1000)


def test_a_home_that_never_came_is_forgotten_too():
    """Its first handshake may have been taken, and the answer lost."""
    assert forgets(Silence(0.0), 500)[0] == [200, 400]


def test_a_handshake_ends_the_silence_also_one_that_is_older_by_a_clock_that_was_set_back():
    _, silence = forgets(Silence(0.0, handshake_s=1_795_000_000), 300, handshake_s=1_795_000_000)
    silence, forget = step(silence, handshake_s=1_700_000_000, now_s=300)
    assert (silence, forget, problem(silence, 301)) == (Silence(300, 1_700_000_000), False, "")
    assert forgets(silence, 600, handshake_s=1_700_000_000, from_s=302)[0] == [500]


def test_where_wireguard_did_not_take_it_the_old_handshake_is_no_new_one():
    silence, forget = step(Silence(0.0, handshake_s=7), handshake_s=7, now_s=SILENT_S)
    assert forget
    assert step(silence, handshake_s=7, now_s=SILENT_S + 2) == (silence, False)


@given(st.lists(st.tuples(st.integers(1, 400), st.booleans()), max_size=50))
def test_no_session_that_may_be_in_force_is_cut_and_no_two_are_close(waits):
    now_s, shaken_at_s, forgot_at_s, shown, silence = 0, 0, None, 0, Silence(0.0)
    for number, (wait_s, shakes) in enumerate(waits, 1):
        now_s += wait_s
        if shakes:
            shown, shaken_at_s = number, now_s
        silence, forget = step(silence, handshake_s=shown, now_s=now_s)
        if forget:
            assert now_s - shaken_at_s > REJECT_AFTER_S
            assert forgot_at_s is None or now_s - forgot_at_s >= SILENT_S
            shown, forgot_at_s = 0, now_s


def test_the_initiation_of_the_tests_has_its_shape():
    assert tai64n(0).hex() == "400000000000000a" + "00000000"
    assert tai64n(1.5) > tai64n(1.4) > tai64n(1)
    one = initiation(b"a" * 32, public_key(b"b" * 32), time.time())
    assert (len(one), one[:4], one[-16:]) == (SIZE, b"\x01\0\0\0", bytes(16))
