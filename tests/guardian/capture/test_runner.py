import threading
import time
from dataclasses import replace

import pytest
from guardian_rtsp.config import RtspConfig
from guardian_rtsp.source import RtspSource

from guardian.capture import runner as module
from guardian.capture.runner import CaptureRunner
from guardian.model.camera import CameraState
from guardian.model.errors import CameraStalled, CameraUnreachable, Damaged, EndOfSource, NotAVideo, OwnerMistake
from guardian.model.media import Codec, Packet, StreamInfo, TrackInfo
from guardian.model.time import Instant
from guardian.platform.clock import SystemClock
from tests.support import footage
from tests.support.rtsp import RtspServer, make_video, require_server

VIDEO = footage.video(frames=60, gop=15)
INFO = StreamInfo(TrackInfo("video", Codec.H264, 90_000, VIDEO.config))


def packets(n=60, times=1):
    now_us = time.monotonic_ns() // 1000
    return [
        Packet("video", u.data, u.pts + 360_000 * k, u.dts + 360_000 * k, 6000, u.is_key, now_us + u.dts * 100 // 9)
        for k in range(times)
        for u in VIDEO.units[:n]
    ]


class Hangs:
    """A call that does not return until `free` is set."""

    def __init__(self):
        self.free = threading.Event()

    def __call__(self):
        self.free.wait(60)
        raise CameraUnreachable("closed")


class Scripted:
    """A source that does what its script says: a packet is given, an exception raised, a function called."""

    paced = True

    def __init__(self, script=(), opens=INFO, closes=None, closing_helps=None):
        self.script, self.opens, self.closes, self.closing_helps = list(script), opens, closes, closing_helps
        self.closed = 0
        self.stop = threading.Event()

    def open(self, stop):
        self.stop = stop
        return self._do(self.opens)

    def read(self, timeout_s):
        if self.script:
            return self._do(self.script.pop(0))
        self.stop.wait(timeout_s)
        return None

    def close(self):
        self.closed += 1
        if self.closing_helps is not None:
            self.closing_helps.set()
        self._do(self.closes)

    @staticmethod
    def _do(what):
        if isinstance(what, BaseException):
            raise what
        return what() if callable(what) else what


class SetClock(SystemClock):
    """A machine whose wall clock is set while it runs."""

    shift_us = 0

    def now(self):
        now = super().now()
        return Instant(now.utc_us + self.shift_us, now.mono_us)


class Watched:
    """A runner and all that it reported."""

    def __init__(self, make, clock=None):
        self.runs, self.samples, self.states, self.hung = [], [], [], threading.Event()
        self._news = threading.Condition()
        self.runner = CaptureRunner(
            make,
            clock or SystemClock(),
            name="main",
            on_run=lambda info, start: self._note(self.runs, (info, start, time.monotonic())),
            on_sample=lambda sample, utc_us: self._note(self.samples, (sample, utc_us, time.monotonic())),
            on_state=lambda state, error: self._note(self.states, (state, error)),
            on_hung=self.hung.set,
            jitter=lambda: 0.5,
        )

    def _note(self, where, what):
        with self._news:
            where.append(what)
            self._news.notify_all()

    def wait(self, condition, within_s=5.0):
        with self._news:
            assert self._news.wait_for(condition, within_s), (self.states, len(self.runs), len(self.samples))

    def wait_state(self, state, within_s=5.0):
        self.wait(lambda: any(one is state for one, _ in self.states), within_s)
        return next(error for one, error in self.states if one is state)


@pytest.fixture
def watch():
    started = []

    def start(*sources, make=None, clock=None):
        left = list(sources)
        watched = Watched(make or (lambda: left.pop(0) if len(left) > 1 else left[0]), clock)
        started.append(watched)
        watched.runner.start()
        return watched

    yield start
    for watched in started:
        began = time.monotonic()
        watched.runner.stop()
        assert time.monotonic() - began < 3.3


@pytest.fixture
def soon(monkeypatch):
    """No waiting for hung calls, nor between attempts."""
    monkeypatch.setattr(module, "CLOSE_AFTER_S", 0.4)
    monkeypatch.setattr(module, "HUNG_AFTER_S", 1.2)
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.3)
    monkeypatch.setattr("guardian.capture.reconnect.FIRST_S", 0.1)
    monkeypatch.setattr("guardian.capture.reconnect.FIRST_OF_S", {})


def test_samples_come_with_their_utc(watch):
    began_us = time.time_ns() // 1000
    watched = watch(Scripted(packets()))
    watched.wait(lambda: len(watched.samples) == 60)
    ((info, start, _),) = watched.runs
    assert (info.video.width, info.video.height) == (162, 98)
    assert abs(start.utc_us - began_us) < 1_000_000
    assert [utc - start.utc_us for _, utc, _ in watched.samples] == [u.dts * 100 // 9 for u in VIDEO.units]
    assert [state for state, _ in watched.states] == [CameraState.CONNECTING, CameraState.RUNNING]
    assert watched.runner.running
    status = watched.runner.status()
    assert (status.stream, status.codec, status.width, status.height) == ("main", "h264", 162, 98)
    assert status.fps > 0
    assert status.codecs.startswith("avc1.")


def test_the_status_before_anything_came():
    status = Watched(Scripted).runner.status()
    assert (status.codec, status.fps, status.bitrate_bps) == ("", 0.0, 0.0)


def test_what_is_held_back_comes_when_the_source_ends(watch):
    track, _ = footage.sound(Codec.AAC)
    source = Scripted([*packets(5), EndOfSource("played")], opens=replace(INFO, audio=track))
    watched = watch(source)
    assert watched.wait_state(CameraState.ENDED).message == "played"
    assert len(watched.samples) == 5


def test_a_file_that_was_played_once_has_ended(watch, soon):
    source = Scripted([*packets(), EndOfSource("played to its end")])
    watched = watch(source)
    watched.wait_state(CameraState.ENDED)
    watched.runner._thread.join(1)
    assert source.closed == 1
    assert watched.runner.reconnects == 0
    assert not watched.runner.running
    assert [state for state, _ in watched.states][-1] is CameraState.ENDED


def test_a_close_that_fails_at_the_end_is_no_hang(watch, soon):
    watched = watch(Scripted([*packets(), EndOfSource("played")], closes=RuntimeError("no")))
    watched.wait_state(CameraState.ENDED)
    assert not watched.hung.wait(2.5)


def test_what_cannot_be_mended_by_trying_again_has_failed(watch):
    watched = watch(Scripted(opens=OwnerMistake("no such stream")))
    assert watched.wait_state(CameraState.FAILED).message == "no such stream"


def test_after_a_fault_it_goes_on_in_a_new_run(watch, soon):
    first = Scripted([*packets(), CameraUnreachable("the camera hung up")])
    watched = watch(first, Scripted(packets()))
    watched.wait(lambda: len(watched.samples) == 120)
    assert len(watched.runs) == 2
    assert first.closed == 1
    assert watched.runner.reconnects == 1
    retrying = CameraState.RETRYING
    assert [state for state, _ in watched.states] == [
        CameraState.CONNECTING,
        CameraState.RUNNING,
        retrying,
        CameraState.RUNNING,
    ]


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_connection_that_ends_while_the_wall_clock_is_wrong_dates_nothing_wrong(watch, soon, hours):
    clock = SetClock()
    second = Scripted(packets())
    watched = watch(Scripted([*packets(), CameraUnreachable("gone")]), second, clock=clock)
    watched.wait(lambda: len(watched.samples) >= 60)
    clock.shift_us = hours * 3_600_000_000
    watched.wait(lambda: len(watched.runs) == 2)
    first, then = (start for _, start, _ in watched.runs)
    assert abs((then.utc_us - first.utc_us) - (then.mono_us - first.mono_us)) < 1000


@pytest.mark.parametrize("hours", [-1, 24 * 365])
def test_a_wall_clock_that_was_set_and_stays_so_dates_what_comes(watch, soon, monkeypatch, hours):
    """As of a board that starts without a battery for its clock and is told the time later."""
    monkeypatch.setattr(module, "BELIEVE_AFTER_US", 700_000)
    clock = SetClock()

    def more():
        time.sleep(0.2)
        later = [replace(one, arrived_us=time.monotonic_ns() // 1000) for one in packets(1)]
        source.at += 1
        return replace(later[0], pts=later[0].pts + 18_000 * source.at, dts=later[0].dts + 18_000 * source.at)

    source = Scripted([more] * 200)
    source.at = 0
    watched = watch(source, clock=clock)
    watched.wait(lambda: len(watched.samples) > 2)
    clock.shift_us = hours * 3_600_000_000
    watched.wait(lambda: len(watched.runs) == 2, 10)
    _, start, _ = watched.runs[1]
    assert abs(start.utc_us - clock.now().utc_us) < 2_000_000
    samples = [(sample.dts, utc_us) for sample, utc_us, _ in watched.samples]
    kept = [utc_us for _, utc_us in samples if abs(utc_us - clock.now().utc_us) > 3_000_000_000]
    assert len(kept) > 4, "it was believed at once"
    assert watched.runner.reconnects == 0


def test_while_it_retries_the_fault_stays_in_sight_and_each_try_is_told(watch, soon):
    watched = watch(Scripted(opens=CameraUnreachable("nothing listens there")))
    watched.wait(lambda: len(watched.states) == 5)
    states = [(state, error and error.code) for state, error in watched.states]
    assert states[:5] == [(CameraState.CONNECTING, None), *[(CameraState.RETRYING, "unreachable")] * 4]
    assert watched.runner.reconnects >= 4


def test_another_fault_is_told(watch, soon):
    faults = [CameraUnreachable("nothing listens"), CameraStalled("sends nothing"), NotAVideo("no video")]
    watched = watch(*(Scripted(opens=fault) for fault in faults))
    watched.wait(lambda: len(watched.states) >= 4)
    assert [error and error.code for _, error in watched.states[:4]] == [None, "unreachable", "stalled", "not_a_video"]


@pytest.mark.parametrize("where", ["make", "open", "read"])
def test_exceptions_of_a_foreign_source_are_named_and_hold_no_password(watch, where):
    error = ZeroDivisionError("at rtsp://admin:s3cret@camera/x")

    def make():
        if where == "make":
            raise error
        return Scripted([error], opens=error if where == "open" else INFO)

    fault = watch(make=make).wait_state(CameraState.RETRYING)
    assert fault.code == "device_fault"
    assert "ZeroDivisionError" in fault.message
    assert "camera/x" in fault.message
    assert "s3cret" not in fault.message


def test_a_failing_close_does_not_hide_the_fault(watch):
    watched = watch(Scripted([CameraStalled("sends nothing")], closes=RuntimeError("no")))
    assert watched.wait_state(CameraState.RETRYING).code == "stalled"


def test_unusable_parameter_sets_are_no_video(watch):
    info = StreamInfo(replace(INFO.video, config=b"\0\0\0\1\x67\x64\0\0\0\1\x68\xee"))
    assert watch(Scripted(packets(), opens=info)).wait_state(CameraState.RETRYING).code == "not_a_video"
    assert watch(Scripted(opens=Damaged("garbage"))).wait_state(CameraState.RETRYING).code == "not_a_video"


def test_silence_is_a_stall(watch, monkeypatch):
    monkeypatch.setattr("guardian.capture.stall.STALL_S", 0.4)
    monkeypatch.setattr(module, "READ_S", 0.2)
    watched = watch(Scripted(packets()))
    assert watched.wait_state(CameraState.RETRYING).code == "stalled"
    assert len(watched.samples) == 60


@pytest.mark.parametrize("where", ["open", "read"])
def test_a_call_that_does_not_return_is_closed_from_outside(watch, soon, where):
    hangs = Hangs()
    bad = {"opens": hangs} if where == "open" else {"script": [hangs]}
    first = Scripted(**bad, closing_helps=hangs.free)
    watched = watch(first, Scripted(packets()))
    watched.wait(lambda: len(watched.samples) == 60, 6)
    assert first.closed >= 2
    assert not watched.hung.is_set()


@pytest.mark.parametrize("where", ["open", "read", "close"])
def test_what_cannot_be_closed_is_reported_as_hung(watch, soon, where):
    hangs = Hangs()
    bad = {"open": {"opens": hangs}, "read": {"script": [hangs]}}.get(where, {"script": [CameraStalled("x")]})
    watched = watch(Scripted(**bad, closes=hangs))
    try:
        assert watched.hung.wait(5)
    finally:
        hangs.free.set()


def test_a_slow_taker_is_not_taken_for_a_hung_source(soon):
    watched = Watched(lambda: Scripted(packets()))
    release = threading.Event()
    watched.runner._on_sample = lambda sample, utc_us: release.wait(60)
    watched.runner.start()
    try:
        assert not watched.hung.wait(2.5)
    finally:
        release.set()
        watched.runner.stop()


def _stuck(hangs):
    unreachable = CameraUnreachable("x")
    return {
        "opening": Scripted(opens=hangs, closes=hangs),
        "reading": Scripted([*packets(), hangs], closes=hangs),
        "closing": Scripted([unreachable], closes=hangs),
        "running": Scripted(packets()),
        "waiting": Scripted(opens=unreachable),
        "ended": Scripted([EndOfSource("x")]),
        "failed": Scripted(opens=OwnerMistake("x")),
    }


@pytest.mark.parametrize("where", ["opening", "reading", "closing", "running", "waiting", "ended", "failed"])
def test_it_ends_within_three_seconds_in_every_state(where):
    hangs = Hangs()
    source = _stuck(hangs)[where]
    watched = Watched(lambda: source)
    watched.runner.start()
    time.sleep(0.3)
    began = time.monotonic()
    watched.runner.stop()
    took_s = time.monotonic() - began
    hangs.free.set()
    assert took_s < (3.2 if where in ("opening", "reading", "closing") else 1.2)
    watched.runner._thread.join(2)
    assert not watched.runner._thread.is_alive()


def test_it_ends_before_it_began_and_from_its_own_thread():
    Watched(Scripted).runner.stop()
    watched = Watched(lambda: Scripted(packets()))
    watched.runner._on_run = lambda info, start: watched.runner.stop()
    watched.runner.start()
    watched.runner._thread.join(3)
    assert not watched.runner._thread.is_alive()


# With a real camera's server


@pytest.fixture
def server(tmp_path):
    require_server()
    running = RtspServer({"x": f"{make_video(tmp_path / 'x.mp4', seconds=60, size=(160, 120))},h264"}).start()
    yield running
    running.kill()


def rtsp(server, timeout_s=2.0):
    return lambda: RtspSource(RtspConfig(url=server.url("x"), timeout_s=timeout_s), "main")


def test_a_camera_that_loses_its_power_for_three_seconds(watch, server):
    watched = watch(make=rtsp(server))
    watched.wait(lambda: len(watched.samples) > 10, 10)
    server.kill()
    assert watched.wait_state(CameraState.RETRYING).code == "unreachable"
    before = len(watched.samples)
    time.sleep(3)
    server.start()
    back = time.monotonic()
    watched.wait(lambda: len(watched.samples) > before, 10)
    assert watched.samples[before][2] - back < 5
    assert len(watched.runs) == 2
    sample, utc_us, _ = watched.samples[before]
    assert (sample.dts, sample.is_key) == (0, True)
    assert utc_us > watched.samples[before - 1][1] + 2_000_000


def test_a_camera_that_hangs_and_goes_on(watch, server):
    watched = watch(make=rtsp(server))
    watched.wait(lambda: len(watched.samples) > 10, 10)
    server.hang()
    began = time.monotonic()
    fault = watched.wait_state(CameraState.RETRYING, 8)
    assert fault.code == "stalled"
    assert time.monotonic() - began < 6
    before = len(watched.samples)
    server.go_on()
    back = time.monotonic()
    watched.wait(lambda: len(watched.samples) > before, 15)
    assert watched.samples[before][2] - back < 8


def test_it_ends_while_a_camera_hangs(server):
    watched = Watched(rtsp(server, timeout_s=4.0))
    watched.runner.start()
    watched.wait(lambda: len(watched.samples) > 10, 10)
    server.hang()
    time.sleep(0.3)
    began = time.monotonic()
    watched.runner.stop()
    assert time.monotonic() - began < 3.3
    server.go_on()
    watched.runner._thread.join(6)
    assert not watched.runner._thread.is_alive()


def test_a_source_hears_how_late_it_may_be_each_time_it_is_opened(watch, soon):
    heard = []

    class Patient(Scripted):
        def allow_delay(self, seconds):
            heard.append((self, seconds))

    first, second = Patient([*packets(), CameraUnreachable("gone")]), Patient(packets())
    watched = watch(first, second)
    watched.wait(lambda: len(watched.samples) == 120)
    watched.runner.allow_delay(0.25)
    assert heard == [(first, 0.0), (second, 0.0), (second, 0.25)]


class Gathers(Scripted):
    """A source in front of which packets gather until it is told at the end that none may be late any more."""

    def __init__(self, script):
        super().__init__(script)
        self.late_s = 60.0

    def allow_delay(self, seconds):
        if self.stop.is_set():
            self.late_s = seconds

    def read(self, timeout_s):
        if self.late_s:
            self.stop.wait(timeout_s)
            return None
        return super().read(timeout_s)


def test_what_had_gathered_when_the_end_was_called_for_is_taken_in(watch):
    source = Gathers(packets())
    watched = watch(source)
    watched.wait(lambda: watched.states)
    assert not watched.samples
    watched.runner.stop()
    assert len(watched.samples) == 60
    assert source.closed == 1
