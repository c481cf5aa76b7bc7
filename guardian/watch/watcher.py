"""Watching as a thread beside recording. It never holds the recorder up: when it falls behind, it goes on at the next
keyframe and counts what it did not see.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from guardian.interfaces import Tracker
from guardian.model.media import Sample, StreamInfo
from guardian.model.messages import CropSeen, EventReport
from guardian.model.picture import PictureWish
from guardian.model.segment import Sealer
from guardian.model.time import SECOND_US
from guardian.model.watching import WatchState
from guardian.platform.clock import Clock
from guardian.watch.decode import Picture
from guardian.watch.hardware import TITLES, Chosen
from guardian.watch.pictures import PictureKeeper
from guardian.watch.pipeline import Events, Infer, WatchPipeline, WatchRules
from guardian.watch.stream_watch import StreamWatch

MOST_SAMPLES = 300  # ten seconds at 30 frames a second
MOST_BYTES = 24 * 1024 * 1024
MOST_WAIT_US = 8 * SECOND_US  # then what waits before the last keyframe goes: an event that is told later is told too late
IDLE_S = 0.5  # how often time passes for events while no frame comes
BEHIND_S = 1.0  # a sample that has waited for so long: this machine has more to watch than it can
SILENT_S = 1.0  # no frame for this long: the camera is silent
STATS_S = 5.0
CLOSE_S = 5.0
ROOM_S = 0.25  # a look that catches up waits this long at once for the one before it,
MOST_PATIENCE_S = 1.0  # in all without an answer, for inference that hangs,
MOST_CATCH_UP_S = 6.0  # and after one waking: `MOST_SAMPLES` of what comes meanwhile wait longer than that

_log = structlog.get_logger(__name__)


class WatchOptions(Protocol):
    """A camera's settings for watching, as far as they are used here (`settings.schema.DetectSettings`)."""

    @property
    def fps(self) -> float: ...

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def min_score(self) -> float | None: ...

    @property
    def masks(self) -> tuple[tuple[tuple[float, float], ...], ...]: ...

    @property
    def lazy(self) -> bool: ...

    @property
    def glance_s(self) -> float: ...

    @property
    def decoder(self) -> str: ...


@dataclass(frozen=True, slots=True)
class WatchStats:
    """`detect_fps`: frames looked at a second, lately. `motion`: in the last frame. The rest counts since the start."""

    detect_fps: float
    motion: bool
    frames: int
    looks: int
    crops: int
    dropped_samples: int
    refused_looks: int
    decode_faults: int
    state: WatchState


@dataclass(frozen=True, slots=True)
class _Run:
    info: StreamInfo
    start_utc_us: int


class Intake:
    """The bounded queue in front of the thread. Full: everything waiting goes, and samples are left out until a keyframe. When the
    first has waited for long, it is gone on with at the last keyframe.
    """

    def __init__(self, most: int = MOST_SAMPLES, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._changed = threading.Condition()
        self._items: deque[_Run | Sample] = deque()
        self._bytes = 0
        self._skipping = True
        self._woken = self._closed = False
        self.dropped = 0

    def begin(self, run: _Run) -> None:
        """A run begins; what waits is still looked at."""
        with self._changed:
            self._items.append(run)
            self._skipping = True
            self._changed.notify()

    def push(self, sample: Sample) -> None:
        """Take a sample, or leave it out."""
        with self._changed:
            full = len(self._items) >= self._most or self._bytes + len(sample.data) > self._most_bytes
            if full or (sample.is_key and self._waits_long(sample)):
                self._drop()
            if self._skipping and not sample.is_key:
                self.dropped += 1
                return
            self._skipping = False
            self._items.append(sample)
            self._bytes += len(sample.data)
            self._changed.notify()

    def wake(self) -> None:
        """Make `take` return soon."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def close(self) -> None:
        """Let `take` return None at once, whatever waits."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def take(self, timeout_s: float) -> tuple[_Run | Sample, ...] | None:
        """Wait for the next item: one, none after a wake or the time, None once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._woken or self._closed, timeout_s)
            self._woken = False
            if self._closed:
                return None
            if not self._items:
                return ()
            item = self._items.popleft()
            if isinstance(item, Sample):
                self._bytes -= len(item.data)
            return (item,)

    def _waits_long(self, sample: Sample) -> bool:
        first = next((item for item in self._items if isinstance(item, Sample)), sample)
        return first.arrived_us > 0 and sample.arrived_us - first.arrived_us > MOST_WAIT_US

    def _drop(self) -> None:
        runs = [item for item in self._items if isinstance(item, _Run)]
        self.dropped += len(self._items) - len(runs)
        self._items = deque(runs[-1:])
        self._bytes, self._skipping = 0, True


class Watcher:
    """Watches one stream of one camera on its own thread. `events` are the rules that make events of tracks.

    Without a thread of its own (`own_thread=False`) it does the very same, when `turn` is called: faster than real time,
    and always with the same outcome. `keep` stores events' pictures, in place of sealing them into `pictures_dir`.
    """

    def __init__(
        self,
        *,
        camera: str,
        options: WatchOptions,
        clock: Clock,
        infer: Infer,
        tracker: Tracker,
        events: Events,
        sealer: Sealer,
        pictures_dir: Path,
        report: Callable[[EventReport], None],
        on_awake: Callable[[bool], None] = lambda _: None,
        seen: Callable[[CropSeen, bytes], None] | None = None,
        keep: Callable[[PictureWish, Picture], str] | None = None,
        own_thread: bool = True,
    ) -> None:
        self._camera, self._clock = camera, clock
        self._keeper = PictureKeeper(camera, sealer, pictures_dir, clock, seen)
        self._intake = Intake()
        rules = WatchRules(frozenset(options.labels), options.min_score, options.masks)
        self._pipeline = WatchPipeline(
            rules,
            infer=infer,
            tracker=tracker,
            events=events,
            keep=keep or self._keeper.keep,
            report=report,
            wake=self._answered,
            now_us=(lambda: clock.now().mono_us) if own_thread else (lambda: 0),
        )
        self._stream = StreamWatch(
            self._pipeline,
            fps=options.fps,
            lazy=options.lazy,
            glance_us=round(options.glance_s * SECOND_US),
            decoder=options.decoder,
            on_decoder=self._decodes_with,
            before_step=self._make_room,
            on_awake=on_awake,
        )
        self._room = threading.Event()
        self._patience_s, self._catch_up_s = MOST_PATIENCE_S, MOST_CATCH_UP_S
        self._last_utc_us = self._last_mono_us = 0
        self._looked_s: deque[float] = deque(maxlen=round(STATS_S * 30) + 1)
        self._thread = threading.Thread(target=self._run, name=f"watch {camera}", daemon=True)
        self._own_thread = own_thread
        if own_thread:
            self._thread.start()

    def configure(self, info: StreamInfo, run_start_utc_us: int) -> None:
        """A run begins: samples from now on are of this stream, their times count from this moment."""
        self._intake.begin(_Run(info, run_start_utc_us))

    def push(self, sample: Sample, utc_us: int) -> None:
        """Take the next sample; never blocks. Its time is taken from the run's clock, which `utc_us` follows."""
        if sample.kind == "video":
            self._intake.push(sample)

    def use_sealer(self, sealer: Sealer) -> None:
        """The vault has a new key: seal pictures to it from now on."""
        self._keeper.sealer = sealer

    def use_rules(self, rules: WatchRules) -> None:
        """Go by other labels, scores and masks from the next frame on."""
        self._pipeline.use_rules(rules)

    def stats(self) -> WatchStats:
        """Return what was done; may be called from any thread."""
        now_s, counters = self._clock.mono_s(), self._pipeline.counters
        lately = sum(1 for at_s in tuple(self._looked_s) if now_s - at_s <= STATS_S)
        return WatchStats(
            detect_fps=lately / STATS_S,
            motion=self._pipeline.moving and lately > 0,
            frames=counters.frames,
            looks=counters.looks,
            crops=counters.crops,
            dropped_samples=self._intake.dropped,
            refused_looks=counters.refused,
            decode_faults=self._stream.counters.faults,
            state=self._state(),
        )

    def _state(self) -> WatchState:
        counted, watched, seen = self._stream.counters, self._pipeline.counters, self._stream.counters.seen
        return WatchState(
            awake=self._stream.awake,
            why=seen.why.value,
            woke_us=seen.woke_us,
            excess=round(seen.excess, 2),
            alarm=round(seen.alarm, 2),
            packet_bytes=seen.packet_bytes,
            usual_bytes=seen.usual_bytes,
            motion_share=round(self._pipeline.motion_share, 4),
            packets=counted.packets,
            decoded=counted.decoded,
            glances=counted.glances,
            calm_s=counted.calm_us // SECOND_US,
            wakes=tuple((why.value, count) for why, count in tuple(seen.wakes.items())),
            looks=watched.looks,
            crops=watched.crops,
            skipped_looks=watched.refused,
            skipped_packets=self._intake.dropped,
            history=self._history(),
            decoder=self._stream.decoder,
        )

    def _history(self) -> tuple[int, ...]:
        try:
            return self._stream.history.values()
        except RuntimeError:  # it grew while it was read: the next report has it
            return ()

    def close(self) -> None:
        """End the thread; events that go on end where they were last seen. May be called twice."""
        self._intake.close()
        if not self._own_thread:
            self._pipeline.close()
        elif threading.current_thread() is not self._thread:
            self._thread.join(CLOSE_S)

    def turn(self, *, silent: bool = False) -> None:
        """Without a thread of its own: do what waits. `silent`: no frame comes for a while, events may end."""
        while items := self._intake.take(0.0):
            self._work(items)
        if silent:
            self._work(())

    # the thread

    def _run(self) -> None:
        while (items := self._intake.take(IDLE_S)) is not None:
            try:
                self._work(items)
            except Exception:  # noqa: BLE001 - libav, OpenCV, a tracker from a plugin
                _log.exception("watching_failed", camera=self._camera, cure="this frame is left out; recording goes on")
        try:
            self._pipeline.close()
        except Exception:  # noqa: BLE001 - as above
            _log.exception("watching_failed", camera=self._camera, cure="the last events end with the camera's process")

    def _work(self, items: Sequence[_Run | Sample]) -> None:
        for item in items:
            if isinstance(item, _Run):
                self._stream.begin(item.info, item.start_utc_us)
            else:
                self._stream.feed(item, behind=self._is_behind(item))
        self._pipeline.drain()  # an answer does not wait for the frames that have come meanwhile
        if not items:
            self._let_time_pass()

    def _is_behind(self, sample: Sample) -> bool:
        """Say whether a sample has waited for long. Without a thread of its own nothing waits: times are of the footage."""
        arrived_us = sample.arrived_us if self._own_thread else 0
        return arrived_us > 0 and self._clock.now().mono_us - arrived_us > BEHIND_S * SECOND_US

    def _decodes_with(self, chosen: Chosen) -> None:
        if chosen.problem:
            _log.warning(
                "decoder_not_used",
                camera=self._camera,
                reason=chosen.problem,
                cure=f"decoding with {TITLES[chosen.name]} instead; see `guardian doctor`",
            )

    def _answered(self) -> None:
        """An answer of inference has come; any thread."""
        self._room.set()
        self._intake.wake()

    def _make_room(self, picture: Picture) -> None:
        """Let a look that catches up wait for inference, rather than leave frames out; but never when frames come as they are:
        a watch that falls behind would lose far more.
        """
        if not self._stream.catching_up:
            self._patience_s, self._catch_up_s = MOST_PATIENCE_S, MOST_CATCH_UP_S
        while self._stream.catching_up and not self._pipeline.has_room and min(self._patience_s, self._catch_up_s) > 0:
            self._room.clear()
            began_s = self._clock.mono_s()
            self._pipeline.drain()
            answered = self._pipeline.has_room or self._room.wait(ROOM_S)
            self._pipeline.drain()
            took_s = max(0.001, self._clock.mono_s() - began_s)
            self._catch_up_s -= took_s
            self._patience_s = MOST_PATIENCE_S if answered else self._patience_s - took_s
        now = self._clock.now()
        self._last_utc_us, self._last_mono_us = picture.utc_us, now.mono_us
        self._looked_s.append(self._clock.mono_s())

    def _let_time_pass(self) -> None:
        """No frame comes: events end all the same."""
        silent_us = self._clock.now().mono_us - self._last_mono_us
        if self._last_mono_us and silent_us >= SILENT_S * SECOND_US:
            self._pipeline.tick(self._last_utc_us + silent_us)
