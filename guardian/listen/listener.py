"""Listening as a thread beside recording. It never holds the recorder up: when it falls behind, the oldest sound is left
out and counted. A detector that fails again and again is left out; one that hangs holds up listening alone, and is named.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from guardian.interfaces import AudioDetector
from guardian.listen.decode import Blocks, Samples, SoundDecoder
from guardian.model.media import Packet, TrackInfo
from guardian.model.messages import EventReport
from guardian.model.sound import Sound
from guardian.model.time import SECOND_US
from guardian.platform.clock import Clock

MOST_PACKETS = 500  # ten seconds of Opus at 20 ms; full: the oldest goes
IDLE_S = 0.5
HUNG_S = 5.0
MOST_FAILURES = 3  # in a row; then a detector is left out until the camera's process starts again
CLOSE_S = 2.0

_log = structlog.get_logger(__name__)
_Item = tuple[bytes, TrackInfo, int]


class Events(Protocol):
    """`events.sounds.SoundEvents`, as far as it is used here."""

    def hear(self, sounds: Sequence[Sound]) -> None: ...

    def tick(self, utc_us: int) -> None: ...

    def reports(self) -> tuple[EventReport, ...]: ...

    def close(self) -> None: ...


class _Ear:
    """One detector and how it fares."""

    def __init__(self, name: str, detector: AudioDetector) -> None:
        self.name, self.detector, self.failures = name, detector, 0

    @property
    def works(self) -> bool:
        return self.failures < MOST_FAILURES


class Listener:
    """Listens to one camera with some detectors, by name."""

    def __init__(
        self,
        camera: str,
        detectors: Sequence[tuple[str, AudioDetector]],
        events: Events,
        report: Callable[[EventReport], None],
        clock: Clock,
    ) -> None:
        self._camera, self._events, self._report, self._clock = camera, events, report, clock
        self._ears = [_Ear(name, detector) for name, detector in detectors]
        self._changed = threading.Condition()
        self._items: deque[_Item] = deque()
        self._closed = False
        self._busy: tuple[str, float] | None = None
        self._track: TrackInfo | None = None
        self._decoder: SoundDecoder | None = None
        self._blocks = Blocks()
        self._heard_us = self._heard_mono_us = 0
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name=f"listen {camera}", daemon=True)
        self._thread.start()

    def push(self, packet: Packet, track: TrackInfo, utc_us: int) -> None:
        """Take a packet of sound that came at that time; never blocks."""
        with self._changed:
            if len(self._items) >= MOST_PACKETS:
                self._items.popleft()
                self.dropped += 1
            self._items.append((packet.data, track, utc_us))
            self._changed.notify()

    def problem(self) -> str:
        """Say what is wrong with listening, or nothing; may be called from any thread."""
        busy = self._busy
        if busy is not None and self._clock.mono_s() - busy[1] > HUNG_S:
            return f"Listening stands still: the audio detector {busy[0]} does not come back."
        left_out = [ear.name for ear in self._ears if not ear.works]
        return f"Left out after it failed again and again: the audio detector {', '.join(left_out)}." if left_out else ""

    def close(self) -> None:
        """End the thread; events that go on end where they were last heard."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(CLOSE_S)

    # the thread

    def _run(self) -> None:
        while (items := self._take()) is not None:
            try:
                self._work(items)
            except Exception:  # noqa: BLE001 - libav
                _log.exception("listening_failed", camera=self._camera, cure="this sound is left out; recording goes on")
        self._events.close()
        self._tell()

    def _take(self) -> tuple[_Item, ...] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closed, IDLE_S)
            if self._closed:
                return None
            items = tuple(self._items)
            self._items.clear()
            return items

    def _work(self, items: Sequence[_Item]) -> None:
        for data, track, utc_us in items:
            if self._decoder is None or track != self._track:
                self._track, self._decoder, self._blocks = track, SoundDecoder(track), Blocks()
            for start_us, samples in self._blocks.push(self._decoder.decode(data), utc_us):
                self._hear(start_us, samples)
        if not items:
            self._let_time_pass()
        self._tell()

    def _hear(self, start_us: int, samples: Samples) -> None:
        for ear in self._ears:
            if ear.works:
                self._ask(ear, start_us, samples)
        self._heard_us, self._heard_mono_us = start_us, self._clock.now().mono_us
        self._events.tick(start_us)

    def _ask(self, ear: _Ear, start_us: int, samples: Samples) -> None:
        self._busy = (ear.name, self._clock.mono_s())
        try:
            sounds = ear.detector.hear(start_us, samples)
            self._events.hear([sound for sound in sounds if isinstance(sound, Sound)])
            ear.failures = 0
        except Exception as error:  # noqa: BLE001 - foreign code: the detector named in the log
            ear.failures += 1
            _log.warning("audio_detector_failed", camera=self._camera, detector=ear.name, problem=type(error).__name__)
        finally:
            self._busy = None

    def _let_time_pass(self) -> None:
        """No sound comes: events end all the same."""
        silent_us = self._clock.now().mono_us - self._heard_mono_us
        if self._heard_mono_us and silent_us >= SECOND_US:
            self._events.tick(self._heard_us + silent_us)

    def _tell(self) -> None:
        for report in self._events.reports():
            self._report(report)
