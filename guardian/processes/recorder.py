"""Recording of one stream: segmenter and writer joined, paused and resumed, and never a reason for capture to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import structlog

from guardian.media.fmp4_write import codecs_string, init_segment
from guardian.model.errors import GuardianError
from guardian.model.media import Fragment, Sample, StreamInfo
from guardian.model.messages import Message
from guardian.model.segment import ContentKind, Sealer, SegmentHeader
from guardian.model.time import Instant
from guardian.platform.clock import Clock, new_id
from guardian.record.segmenter import Cut, Segmenter
from guardian.record.writer import SegmentWriter
from guardian.settings.schema import RecordSettings

_log = structlog.get_logger(__name__)
TRY_AGAIN_S = 5.0


class Recorder:
    """Takes samples of one stream after another run; opens a segment when footage comes, closes it when it is over."""

    def __init__(
        self,
        camera: str,
        stream: str,
        settings: RecordSettings,
        data_dir: Path,
        sealer: Sealer,
        clock: Clock,
        send: Callable[[Message, bytes], None],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """`changed` is called whenever `recording` has."""
        self._changed = changed
        self._camera, self._stream, self._settings, self._clock = camera, stream, settings, clock
        self._data_dir, self._send, self.sealer = data_dir, send, sealer
        self._lock = threading.RLock()
        self._writer: SegmentWriter | None = None
        self._segmenter: Segmenter | None = None
        self._info: StreamInfo | None = None
        self._run_id = ""
        self._start = Instant(0, 0)
        self._retry_at_s = 0.0
        self._writes = False
        self.paused = ""
        self.problem: GuardianError | None = None

    @property
    def recording(self) -> bool:
        """Whether what comes is written; between two segments, too."""
        return self._writes

    def begin_run(self, info: StreamInfo, start: Instant) -> None:
        """A new run begins."""
        with self._lock:
            self.end_run()
            self._info, self._start = info, start
            self._run_id = new_id(self._clock)
            self._segmenter = Segmenter(info, segment_s=self._settings.segment_s)

    def push(self, sample: Sample, utc_us: int) -> None:
        """Take a sample; what the disk refuses is kept as `problem`, and recording tries again with the next segment."""
        with self._lock:
            if self._segmenter is not None:
                for step in self._segmenter.push(sample, utc_us):
                    self._take(step)

    def end_run(self) -> None:
        """Write what is left and close the segment."""
        with self._lock:
            if self._segmenter is not None:
                for step in self._segmenter.flush():
                    self._take(step)
            self._segmenter = None
            self._note(writes=False)
            self._close()

    def pause(self, why: str) -> None:
        """Pause with a reason, or resume with none."""
        with self._lock:
            self.paused = why
            if why:
                self._note(writes=False)
                self._close()

    def _take(self, step: Fragment | Cut) -> None:
        try:
            if isinstance(step, Cut):
                self._close()
            elif not self.paused:
                self._write(step)
        except GuardianError as error:
            self._refused(error)

    def _refused(self, error: GuardianError) -> None:
        """The disk will not have it: say so, and try again in a while."""
        if self.problem is None:
            _log.error("recording_failed", stream=self._stream, problem=error.message, cure=error.cure)
        self.problem, self._writer = error, None
        self._note(writes=False)
        self._retry_at_s = self._clock.mono_s() + TRY_AGAIN_S

    def _write(self, fragment: Fragment) -> None:
        if self._writer is None:
            if not fragment.is_key or self._clock.mono_s() < self._retry_at_s:
                return
            self._writer = self._open(fragment)
            if self.problem is not None:
                _log.info("recording_again", stream=self._stream)
            self.problem = None
        self._writer.write(fragment)
        self._note(writes=True)

    def _note(self, *, writes: bool) -> None:
        if writes is not self._writes:
            self._writes = writes
            self._changed()

    def _open(self, fragment: Fragment) -> SegmentWriter:
        assert self._info is not None
        header = SegmentHeader(
            segment_id=new_id(self._clock),
            run_id=self._run_id,
            camera=self._camera,
            stream=self._stream,
            kind=ContentKind.VIDEO,
            start_utc_us=fragment.start_utc_us,
            start_mono_us=self._start.mono_us + fragment.start_utc_us - self._start.utc_us,
            start_90k=fragment.start_90k,
            codecs=codecs_string(self._info),
            width=self._info.video.width,
            height=self._info.video.height,
        )
        writer = SegmentWriter(
            self._data_dir,
            self.sealer,
            self._clock,
            lambda message: self._send(message, b""),
            fsync_s=self._settings.fsync_s,
        )
        writer.open(header, init_segment(self._info))
        return writer

    def _close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is None:
            return
        try:
            writer.close()
        except GuardianError as error:
            self._refused(error)
