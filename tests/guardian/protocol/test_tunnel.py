"""Keys rotate, and whatever is lost on the way both ends come together again."""

import itertools

import pytest

from guardian.protocol.tunnel import EDGE_PATIENCE_S, RELAY_PATIENCE_S, Keys, KeySet, from_json, rotated, step, to_json

OLD, NEW = KeySet(0, b"a" * 32, b"b" * 32, b"c" * 32), KeySet(1, b"d" * 32, b"e" * 32, b"f" * 32)


def test_proven_keys_stay():
    keys = rotated(Keys(OLD), NEW, 10.0)
    assert (keys.current, keys.other) == (NEW, OLD)
    proven = step(keys, shaken=True, now_s=11.0, patience_s=12.0)
    assert proven == Keys(NEW, None, 10.0)
    assert step(proven, shaken=False, now_s=1e9, patience_s=12.0) is proven


def test_keys_that_do_not_shake_hands_are_left_for_the_ones_before():
    keys = rotated(Keys(OLD), NEW, 10.0)
    assert step(keys, shaken=False, now_s=21.9, patience_s=12.0) is keys
    back = step(keys, shaken=False, now_s=22.0, patience_s=12.0)
    assert (back.current, back.other) == (OLD, NEW)
    assert step(back, shaken=True, now_s=23.0, patience_s=12.0) == Keys(OLD, None, 22.0)


@pytest.mark.parametrize(
    ("edge_has_it", "relay_has_it", "offset"), list(itertools.product([True, False], [True, False], range(0, 40, 3)))
)
def test_both_ends_meet_whoever_missed_it(edge_has_it, relay_has_it, offset):
    edge = rotated(Keys(OLD), NEW, 0.0) if edge_has_it else Keys(OLD)
    relay = rotated(Keys(OLD), NEW, float(-offset)) if relay_has_it else Keys(OLD)
    for second in range(200):
        same = edge.current.number == relay.current.number
        shaken = same and second % 5 == 0  # WireGuard tries every five seconds
        edge = step(edge, shaken=shaken, now_s=second, patience_s=EDGE_PATIENCE_S)
        relay = step(relay, shaken=shaken, now_s=second, patience_s=RELAY_PATIENCE_S)
        if edge.other is None and relay.other is None and edge.current.number == relay.current.number:
            break
    assert edge.current.number == relay.current.number
    assert second < 2 * EDGE_PATIENCE_S


def test_they_are_kept_over_a_restart():
    keys = rotated(Keys(OLD), NEW, 10.0)
    assert from_json(to_json(keys), 99.0) == Keys(NEW, OLD, 99.0)
    assert from_json(to_json(Keys(OLD)), 1.0) == Keys(OLD, None, 1.0)


@pytest.mark.parametrize("field", ["private", "peer", "preshared", "number"])
def test_a_damaged_file_is_refused(field):
    value = to_json(Keys(OLD))
    value["current"][field] = "AAAA"
    with pytest.raises(ValueError, match="length"):
        from_json(value, 0.0)
