import itertools

import pytest
from guardian_rtsp.reorder import MOST, DecodeTimes

STEP = 6000
ORDERS = {  # one GOP in decode order, as numbers of display order
    "none": [0, 1, 2, 3, 4, 5],
    "one B": [0, 2, 1, 4, 3, 5],
    "three Bs": [0, 4, 1, 2, 3, 8, 5, 6, 7, 9],
    "pyramid": [0, 4, 2, 1, 3, 8, 6, 5, 7, 9],
}


def stream(order, gops=4, start=1_000_000):
    for gop, n in itertools.product(range(gops), range(len(order))):
        yield start + (gop * len(order) + order[n]) * STEP, n == 0


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_from_the_second_keyframe_each_picture_has_its_decode_time(order):
    times = DecodeTimes()
    found = [(shown, times.of(shown, is_key)) for shown, is_key in stream(order)]
    later = found[len(order) :]
    assert [after - before for (_, before), (_, after) in itertools.pairwise(later)] == [STEP] * (len(later) - 1)
    assert all(decoded <= shown for shown, decoded in later)
    assert {shown for shown, _ in found} == {shown for shown, _ in stream(order)}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_before_that_a_time_is_unknown_rather_than_wrong(order):
    times = DecodeTimes()
    first = [(shown, times.of(shown, is_key)) for shown, is_key in stream(order, gops=1)]
    known = list(itertools.takewhile(lambda pair: pair[1] is not None, first))
    assert all(shown == decoded for shown, decoded in known)
    assert all(decoded is None for _, decoded in first[len(known) :])


def test_a_clock_that_trembles_reorders_nothing():
    times = DecodeTimes()
    for shown in (0, 6000, 5900, 12_000, 11_500, 18_000):
        assert times.of(shown, False) == shown
    assert times.depth == 0


def test_after_a_jump_it_goes_on():
    times = DecodeTimes()
    for shown, is_key in stream(ORDERS["pyramid"]):
        times.of(shown, is_key)
    after = list(stream(ORDERS["pyramid"], start=90_000_000))
    found = [times.of(shown, is_key) for shown, is_key in after]
    assert found == sorted(found)
    assert all(decoded <= shown for decoded, (shown, _) in zip(found, after, strict=True))


def test_what_makes_no_sense_is_bounded():
    times = DecodeTimes()
    for n in range(200):
        times.of((200 - n) * 1000, n % 20 == 0)
    assert times.depth <= MOST


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_with_the_depth_that_the_stream_declares_every_time_is_known(order):
    learnt = DecodeTimes()
    for shown, is_key in stream(order):
        learnt.of(shown, is_key)
    times = DecodeTimes(learnt.depth)
    found = [(shown, times.of(shown, is_key)) for shown, is_key in stream(order)]
    decoded = [time for _, time in found]
    assert all(before < after for before, after in itertools.pairwise(decoded))
    assert all(time <= shown for shown, time in found)
    assert decoded[learnt.depth :] == sorted(shown for shown, _ in found)[: len(found) - learnt.depth]
