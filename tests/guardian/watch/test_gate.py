"""What wakes and what calms, as tables: a gate reads no picture and no clock."""

import random

import pytest

from guardian.watch.gate import ALARM, MOST_WAITING_BYTES, Do, Gate, SizeModel, Why

S = 1_000_000
FPS, GOP = 15, 30


class Play:
    """A camera that sends GOPs of two seconds; `noise` is the deviation of log2 of its packets' sizes."""

    def __init__(self, glance_s=4.0, gop=GOP, noise=0.1, key=60_000, inter=3_000):
        self.gate = Gate(round(glance_s * S))
        self.gop, self.noise, self.key, self.inter = gop, noise, key, inter
        self.n, self.random = 0, random.Random(1)
        self.done = []

    def packets(self, seconds, *, times=1.0, moving=False, following=False, changed=False, light=False):
        """Go on for so long; return what was done, as (second, what)."""
        done = []
        for _ in range(round(seconds * FPS)):
            is_key = self.n % self.gop == 0
            size = self.key if is_key else self.inter * times
            at = self.n * S // FPS
            do = self.gate.packet(round(size * 2 ** self.random.gauss(0, self.noise)), is_key, at)
            if do is Do.GLANCE:
                self.gate.glanced(at, changed=changed, light=light)
            if self.gate.awake:
                self.gate.looked(at, moving=moving, following=following)
            done.append((self.n / FPS, do))
            self.n += 1
        return done

    def calm(self):
        self.packets(16)
        assert not self.gate.awake
        return self


def count(done, what):
    return sum(1 for _, do in done if do is what)


def test_a_run_is_watched_for_ten_seconds_then_calm_begins():
    play = Play()
    done = play.packets(14)
    calm = [at for at, do in done if do is Do.CALM]
    assert calm == [10.0]
    assert all(do is Do.DECODE for at, do in done if at < 10)


def test_while_calm_keyframes_are_glanced_at_every_four_seconds_and_nothing_else_is_decoded():
    done = Play().calm().packets(60)
    assert {do for _, do in done} == {Do.KEEP, Do.GLANCE}
    assert count(done, Do.GLANCE) == 15


def test_noise_of_an_encoder_wakes_nobody_in_an_hour():
    play = Play(noise=0.3).calm()
    assert count(play.packets(3600), Do.WAKE) == 0


@pytest.mark.parametrize(("times", "within_s"), [(8.0, 0.3), (3.0, 0.4), (2.0, 0.5), (1.5, 2.0)])
def test_larger_packets_wake_soon(times, within_s):
    play = Play().calm()
    play.packets(20)
    done = play.packets(4, times=times)
    woken = next(at for at, do in done if do is Do.WAKE)
    assert woken - done[0][0] <= within_s
    assert play.gate.seen.why is Why.PACKETS


def test_one_odd_packet_wakes_nobody():
    play = Play().calm()
    play.packets(10)
    play.packets(1 / FPS, times=50)
    assert count(play.packets(4), Do.WAKE) == 0


def test_what_is_usual_is_known_for_each_place_in_the_gop():
    """Encoders with layers give every fourth packet twice the bytes: that is no motion."""
    play = Play().calm()
    for _ in range(40):
        for place in range(4):
            assert (
                play.packets(1 / FPS, times=2.0 if place == 3 and play.n % GOP else 1.0)[0][1] is not Do.WAKE or play.n < 900
            )


@pytest.mark.parametrize(("how", "why"), [({"changed": True}, Why.PICTURE), ({"changed": True, "light": True}, Why.LIGHT)])
def test_a_glance_that_shows_a_change_wakes(how, why):
    play = Play().calm()
    play.packets(5, **how)
    assert play.gate.awake
    assert play.gate.seen.why is why


def test_calm_returns_three_seconds_after_the_last_motion():
    play = Play().calm()
    play.packets(4, changed=True)
    moved = play.packets(10, moving=True)
    done = play.packets(10)
    calm = next(at for at, do in done if do is Do.CALM)
    assert calm - moved[-1][0] == pytest.approx(3, abs=0.1)


def test_what_is_followed_keeps_the_watch_awake_though_nothing_moves():
    play = Play().calm()
    play.packets(4, changed=True)
    assert count(play.packets(60, following=True), Do.CALM) == 0
    assert count(play.packets(5), Do.CALM) == 1


def test_a_gop_without_an_end_is_decoded_after_two_and_a_half_glances():
    play = Play(gop=10_000)
    done = play.packets(22)
    assert play.gate.seen.why is Why.LONG_GOP
    assert next(at for at, do in done if do is Do.WAKE) == pytest.approx(20, abs=0.2)


def test_ten_second_gops_are_glanced_at_and_need_no_more():
    play = Play(gop=150)
    play.packets(31)
    assert {do for _, do in play.packets(60)} == {Do.KEEP, Do.GLANCE}


def test_packets_that_wait_are_bounded():
    play = Play(inter=600_000, key=900_000)
    held = 0
    for _, do in play.packets(30):
        held = held + 600_000 if do is Do.KEEP else 0
        assert held < MOST_WAITING_BYTES * 1.2
    assert Why.MEMORY in play.gate.seen.wakes


def test_waking_for_nothing_raises_the_alarm_and_calm_hours_lower_it():
    play = Play().calm()
    for _ in range(4):
        play.packets(10)
        play.packets(1, times=6)
        assert play.gate.seen.alarm >= ALARM
        play.packets(10)
    raised = play.gate.seen.alarm
    assert raised > ALARM
    play.packets(600)
    assert play.gate.seen.alarm == pytest.approx(ALARM, rel=0.05)


def test_waking_for_something_raises_nothing():
    play = Play().calm()
    for _ in range(4):
        play.packets(10)
        play.packets(1, times=6, moving=True)
        play.packets(3, moving=True)
        play.packets(10)
    assert play.gate.seen.alarm == ALARM


def test_rain_that_goes_on_becomes_usual():
    play = Play().calm()
    done = play.packets(600, times=2.5)
    late = [do for at, do in done if at > 200]
    assert late.count(Do.WAKE) == 0
    assert not play.gate.awake


def test_a_clock_that_goes_back_is_survived():
    play = Play().calm()
    play.n = 0
    assert count(play.packets(60), Do.GLANCE) >= 10


def test_a_new_run_begins_awake():
    play = Play().calm()
    play.gate.restart()
    assert play.gate.awake
    assert count(play.packets(9), Do.CALM) == 0


def test_nothing_known_is_no_excess():
    model = SizeModel()
    assert model.excess(3, 1_000_000) == 0
    assert model.usual_bytes(3) == 0
