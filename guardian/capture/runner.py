"""The thread that captures one stream: opens, reads, normalises, reconnects; a second one watches that it does not hang."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

import structlog

from guardian.capture.normalise import NewRun, Normaliser, Step
from guardian.capture.reconnect import Backoff
from guardian.capture.stall import NO_PICTURE_S, STALL_S, Flow
from guardian.interfaces import CameraSource
from guardian.media.fmp4_write import codecs_string
from guardian.model.camera import CameraState, StreamStatus
from guardian.model.errors import CameraStalled, Damaged, DeviceFault, EndOfSource, GuardianError, NotAVideo
from guardian.model.media import Packet, Sample, StreamInfo, TrackInfo
from guardian.model.time import Instant
from guardian.platform.clock import Clock, PatientClock, SteadyClock
from guardian.platform.logs import redact

_log = structlog.get_logger(__name__)
READ_S = 1.0
CLOSE_AFTER_S = 20.0  # a call into a source that takes longer is broken off by closing it from outside
HUNG_AFTER_S = 30.0  # and longer than this, the process is given up
LOOK_EVERY_S = 5.0
REST_S = 0.5  # for what had gathered when the end is called for: it is there already
BELIEVE_AFTER_US = (
    300_000_000  # a wall clock that jumps and is back before has changed nothing, whatever cameras did meanwhile
)
WRONG_BY_US = 60_000_000  # footage that is dated so much otherwise than the clock that is believed gets a new date

OnRun = Callable[[StreamInfo, Instant], None]
OnSample = Callable[[Sample, int], None]
OnSound = Callable[[Packet, TrackInfo, int], None]
OnState = Callable[[CameraState, GuardianError | None], None]


class CaptureRunner:
    """Captures until stopped. Callbacks come from its thread: `on_run` before the samples of a run, `on_state` at changes
    (RUNNING with the first run, RETRYING, FAILED or ENDED when it is over) and at each try that failed, `on_sound` with every
    packet of sound as it came, also of one that MP4 cannot carry, and the UTC time of its arrival."""

    def __init__(
        self,
        make_source: Callable[[], CameraSource],
        clock: Clock,
        *,
        name: str,
        on_run: OnRun,
        on_sample: OnSample,
        on_state: OnState,
        on_hung: Callable[[], None],
        jitter: Callable[[], float],
        on_sound: OnSound | None = None,
    ) -> None:
        self._make_source, self._clock, self._name = make_source, clock, name
        self._on_run, self._on_sample, self._on_state, self._on_hung = on_run, on_sample, on_state, on_hung
        self._jitter, self._on_sound = jitter, on_sound
        self._sound: TrackInfo | None = None
        self._stop = threading.Event()
        self._source: CameraSource | None = None
        self._busy_since_s: float | None = None
        self._flow = Flow(clock.mono_s())
        self._info: StreamInfo | None = None
        self._codecs = ""
        self._start = Instant(0, 0)
        self._state = CameraState.STARTING
        self._error_code = ""
        self._wall = PatientClock(
            clock, BELIEVE_AFTER_US
        )  # outlives connections: one that ends in a jump dates nothing wrong
        self._steady = SteadyClock(self._wall)
        self._compared_s = clock.mono_s()
        self._delay_s = 0.0
        self.reconnects = 0
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name=f"capture {name}", daemon=True)
        self._watchdog = threading.Thread(target=self._watch, name=f"watchdog {name}", daemon=True)

    @property
    def running(self) -> bool:
        """Whether samples come."""
        return self._state is CameraState.RUNNING

    def start(self) -> None:
        """Begin."""
        self._thread.start()
        self._watchdog.start()

    def stop(self, within_s: float = 3.0) -> None:
        """End; the source is closed from outside when it does not come back."""
        self._stop.set()
        self.allow_delay(0.0)  # what has gathered is taken in before the end
        if self._thread.ident is None or self._thread is threading.current_thread():
            return
        self._thread.join(within_s / 2)
        if self._thread.is_alive() and (source := self._source) is not None:
            self._close_outside(source)
            self._thread.join(within_s / 2)

    def allow_delay(self, seconds: float) -> None:
        """Samples may come so much late from now on; a source that can lets packets gather, which saves work."""
        self._delay_s = seconds
        self._pass_on_delay()

    def _pass_on_delay(self) -> None:
        source = self._source
        if source is not None and (allow_delay := getattr(source, "allow_delay", None)) is not None:
            with contextlib.suppress(Exception):  # foreign code, and no more than a wish
                allow_delay(self._delay_s)

    def _close_outside(self, source: CameraSource) -> None:
        """Close a source that may hang, in a thread that may hang with it."""

        def close() -> None:
            with contextlib.suppress(Exception):
                source.close()

        threading.Thread(target=close, name=f"close {self._name}", daemon=True).start()

    def status(self) -> StreamStatus:
        """Measure the last seconds."""
        fps, bits = self._flow.rates(self._clock.mono_s())
        info = self._info
        if info is None:
            return StreamStatus(self._name, "", "", 0, 0, fps, bits)
        audio = info.audio.codec.value if info.audio is not None else ""
        video = info.video
        return StreamStatus(self._name, video.codec.value, self._codecs, video.width, video.height, fps, bits, audio)

    def _run(self) -> None:
        backoff = Backoff()
        while not self._stop.is_set():
            began_s = self._clock.mono_s()
            if not self._error_code:  # while it retries, the fault stays in sight
                self._say(CameraState.CONNECTING, None)
            try:
                self._capture()
                return
            except EndOfSource as error:
                self._say(CameraState.ENDED, error)
                return
            except GuardianError as error:
                fault = error
            except Exception as error:  # noqa: BLE001 - foreign code: the camera source, named in the message
                fault = DeviceFault(f"the camera source failed: {type(error).__name__}: {redact(str(error))}")
            if self._stop.is_set():
                return
            wait_s = backoff.next_s(fault.code, self._clock.mono_s() - began_s, self._jitter())
            self.reconnects += fault.retry
            self._say(CameraState.RETRYING if fault.retry else CameraState.FAILED, fault)
            if not fault.retry:
                return
            self._stop.wait(wait_s)

    def _say(self, state: CameraState, error: GuardianError | None) -> None:
        code = error.code if error is not None else ""
        changed = state is not self._state or code != self._error_code
        if error is not None and changed:  # logged once; each try after it is told, for the count that is shown
            _log.warning("stream_" + state.value, stream=self._name, problem=error.message, cure=error.cure)
        if changed:
            self._state = state
            if error is not None or state is CameraState.RUNNING:
                self._error_code = code
        if changed or error is not None:
            self._on_state(state, error)

    def _capture(self) -> None:
        source = self._source = self._make_source()
        try:
            self._busy_since_s = self._clock.mono_s()
            info = source.open(self._stop)
            self._pass_on_delay()
            normaliser = Normaliser(info, paced=getattr(source, "paced", True))
            self._flow = Flow(self._clock.mono_s())
            self._steady = SteadyClock(self._wall)
            self._sound = info.audio
            try:
                self._read_all(source, normaliser)
                self._read_the_rest(source, normaliser)
            finally:
                for step in normaliser.flush():
                    self._take(step)
        except Damaged as error:
            raise NotAVideo(error.message, cure=error.cure) from error
        finally:
            self._busy_since_s = self._clock.mono_s()
            try:
                source.close()
            except Exception as error:  # noqa: BLE001 - foreign code: the fault that led here says more
                _log.warning("source_close", stream=self._name, problem=f"{type(error).__name__}: {redact(str(error))}")
            self._busy_since_s = self._source = None

    def _read_all(self, source: CameraSource, normaliser: Normaliser) -> None:
        dropped_before = self.dropped
        while not self._stop.is_set():
            self._busy_since_s = self._clock.mono_s()
            packet = source.read(READ_S)
            self._busy_since_s = None  # what takes long from here on is not the source
            now_s = self._clock.mono_s()
            if now_s - self._compared_s >= LOOK_EVERY_S:
                self._compared_s = now_s
                self._follow_the_wall(normaliser)
            if packet is None:
                if self._flow.stalled(now_s):
                    raise CameraStalled(
                        f"the camera holds the line and has sent nothing for {STALL_S:.0f} s",
                        cure="It is asked anew by itself.",
                    )
                continue
            self._flow.count(now_s, len(packet.data), packet.kind == "video", packet.arrived_us / 1e6)
            if self._flow.without_pictures(now_s):
                raise CameraStalled(
                    f"the camera sends sound and has sent no picture for {NO_PICTURE_S:.0f} s",
                    cure="It is asked anew by itself.",
                )
            if self._on_sound is not None:
                self._hand_on_sound(packet, self._on_sound)
            for step in normaliser.push(packet):
                self._take(step)
            self.dropped = dropped_before + normaliser.dropped

    def _read_the_rest(self, source: CameraSource, normaliser: Normaliser) -> None:
        """Take in what had come when the end was called for: in front of a source that lets packets gather may be seconds of them."""
        if not hasattr(source, "allow_delay"):
            return
        end_s = self._clock.mono_s() + REST_S
        while self._clock.mono_s() < end_s and (packet := source.read(0.0)) is not None:
            for step in normaliser.push(packet):
                self._take(step)

    def _hand_on_sound(self, packet: Packet, on_sound: OnSound) -> None:
        if packet.info is not None:
            self._sound = packet.info.audio
        if packet.kind == "audio" and self._sound is not None:
            now = self._steady.now()
            on_sound(packet, self._sound, now.utc_us + packet.arrived_us - now.mono_us)

    def _follow_the_wall(self, normaliser: Normaliser) -> None:
        """Date footage anew from the next keyframe on, where the wall clock was set and has kept to it."""
        off_us = self._wall.now().utc_us - self._steady.now().utc_us
        if abs(off_us) > WRONG_BY_US:
            _log.warning("wall_clock_was_set", stream=self._name, by_s=round(off_us / 1e6))
            self._steady = SteadyClock(self._wall)
            normaliser.begin_anew()

    def _take(self, step: Step) -> None:
        if isinstance(step, NewRun):
            now = self._steady.now()
            self._start = now.after(step.arrived_us - now.mono_us)
            self._info, self._codecs = step.info, codecs_string(step.info)
            self._on_run(step.info, self._start)
            self._say(CameraState.RUNNING, None)
            return
        scale = 90_000 if step.kind == "video" else max(1, self._rate())
        self._on_sample(step, self._start.utc_us + step.dts * 1_000_000 // scale)

    def _rate(self) -> int:
        return self._info.audio.sample_rate if self._info is not None and self._info.audio is not None else 1

    def _watch(self) -> None:
        closed = False
        while not self._stop.wait(LOOK_EVERY_S):
            self._wall.now()  # notices a jump while no camera is there
            since_s = self._busy_since_s
            stuck_s = self._clock.mono_s() - since_s if since_s is not None else 0.0
            if stuck_s > HUNG_AFTER_S:
                self._on_hung()
                return
            if stuck_s > CLOSE_AFTER_S and not closed and (source := self._source) is not None:
                closed = True
                _log.warning("source_slow", stream=self._name, stuck_s=round(stuck_s))
                self._close_outside(source)
            elif stuck_s < READ_S * 2:
                closed = False
