import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian.capture.stall import STALL_S, WINDOW_S, Flow


def flow(*came, since=0.0):
    counted = Flow(since)
    for now_s, size, is_frame in came:
        counted.count(now_s, size, is_frame)
    return counted


@pytest.mark.parametrize(
    ("last_s", "now_s", "stalled"),
    [(0.0, 0.0, False), (0.0, STALL_S, False), (0.0, STALL_S + 0.01, True), (100.0, 104.0, False), (100.0, 106.0, True)],
)
def test_silence_is_a_stall_after_five_seconds(last_s, now_s, stalled):
    assert Flow(last_s).stalled(now_s) is stalled
    assert flow((last_s, 1, True), since=last_s - 50).stalled(now_s) is stalled


def test_sound_alone_keeps_the_line_alive():
    assert not flow((8.0, 100, False)).stalled(12.0)


@pytest.mark.parametrize("came", [(), ((1.0, 1000, True),)])
def test_one_packet_has_no_rate(came):
    assert flow(*came).rates(1.5) == (0.0, 0.0)


@pytest.mark.parametrize(("fps", "size"), [(5, 4000), (15, 20_000), (30, 10_000), (60, 100)])
def test_rates_of_an_even_stream(fps, size):
    came = [(n / fps, size, True) for n in range(fps * 20)]
    frames, bits = flow(*came).rates(20.0 - 1 / fps)
    assert frames == pytest.approx(fps, rel=0.05)
    assert bits == pytest.approx(fps * size * 8, rel=0.05)


def test_sound_counts_as_bits_not_as_frames():
    frames, bits = flow(*((n / 10, 100, n % 2 == 1) for n in range(51))).rates(5.0)
    assert frames == pytest.approx(5.0)
    assert bits == pytest.approx(10 * 100 * 8)


def test_a_burst_at_the_start_is_not_taken_for_a_rate():
    assert flow(*((0.0, 10, True) for _ in range(10))).rates(0.5) == (0.0, 0.0)


@pytest.mark.parametrize("ago_s", [0.0, 1.0, 2.0])
def test_what_comes_two_seconds_at_a_time_has_the_rate_of_its_frames(ago_s):
    bursts = [(2.0 * burst, 20_000, True) for burst in range(10) for _ in range(30)]
    frames, bits = flow(*bursts).rates(18.0 + ago_s)
    assert frames == pytest.approx(15.0)
    assert bits == pytest.approx(15 * 20_000 * 8)


def test_arrivals_that_a_source_makes_up_do_no_harm():
    counted = Flow(100.0)
    for arrived_s in (0.0, 500.0, 3.0, -7.0):
        counted.count(100.0, 10, True, arrived_s)
    assert min(counted.rates(100.0)) >= 0
    assert not counted.stalled(104.0)


def test_rates_fall_to_nothing_when_nothing_comes():
    counted = flow(*((n / 10, 100, True) for n in range(50)))
    assert counted.rates(7.0)[0] < 10.0
    assert counted.rates(20.0) == (0.0, 0.0)


@given(st.lists(st.floats(0, 0.5), max_size=300))
def test_the_window_bounds_what_is_remembered(steps):
    counted, now_s = Flow(0.0), 0.0
    for step in steps:
        now_s += step
        counted.count(now_s, 1, True)
        assert counted._came[0][0] >= now_s - WINDOW_S
        frames, bits = counted.rates(now_s)
        assert frames >= 0
        assert bits >= 0


@pytest.mark.parametrize(("picture_s", "now_s", "gone"), [(0.0, 14.9, False), (0.0, 15.1, True), (4.0, 18.0, False)])
def test_sound_without_pictures_is_told(picture_s, now_s, gone):
    counted = Flow(0.0)
    counted.count(picture_s, 100, True)
    counted.count(now_s, 100, False)
    assert counted.without_pictures(now_s) is gone
