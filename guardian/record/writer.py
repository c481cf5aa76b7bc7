"""Sealed segment files, written: one append a fragment, so that a crash leaves whole fragments and at most one torn."""

import errno
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from guardian.model.errors import Bug, DiskFull, GuardianError, ServiceUnavailable
from guardian.model.ids import is_camera_id, is_uuid7
from guardian.model.media import VIDEO_TIMESCALE, Fragment
from guardian.model.messages import FragmentSealed, Message, SegmentClosed, SegmentOpened
from guardian.model.segment import FragmentMeta, Sealer, SealingSegment, SegmentHeader, SegmentRecord
from guardian.platform.clock import Clock
from guardian.platform.files import Appender, sync_dir

SUFFIX = ".pgs"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def segment_path(header: SegmentHeader) -> str:
    """Return where a segment lies below `segments/`: camera, stream, UTC date, id."""
    if not (is_camera_id(header.camera) and is_camera_id(header.stream) and is_uuid7(header.segment_id)):
        raise Bug(f"no file can be named after {header.camera!r}, {header.stream!r}, {header.segment_id!r}")
    date = datetime.fromtimestamp(header.start_utc_us // 1_000_000, UTC).strftime("%Y-%m-%d")
    return f"{header.camera}/{header.stream}/{date}/{header.segment_id}{SUFFIX}"


class _OpenSegment:
    """The segment in hand. Its file appears with its first fragment, so no file lacks footage."""

    def __init__(self, segments: Path, header: SegmentHeader, sealing: SealingSegment, init: bytes) -> None:
        self.header, self.path = header, segment_path(header)
        self.sealing = sealing
        self.init_meta, record = sealing.seal(
            init,
            start_90k=header.start_90k,
            duration_90k=0,
            start_utc_us=header.start_utc_us,
            is_key=False,
            video_frames=0,
        )
        self._head: bytes = sealing.header_bytes + record
        self._full_path = segments / self.path
        self.file: Appender | None = None
        self.end_90k, self.end_utc_us = header.start_90k, header.start_utc_us
        self.fragments = self.video_frames = 0

    def append(self, fragment: Fragment) -> FragmentMeta:
        """Seal a fragment and write it with one append."""
        meta, record = self.sealing.seal(
            fragment.data,
            start_90k=fragment.start_90k,
            duration_90k=fragment.duration_90k,
            start_utc_us=fragment.start_utc_us,
            is_key=fragment.is_key,
            video_frames=fragment.video_frames,
        )
        if self.file is None:
            self._create(record)
        else:
            self.file.append(record)
        self.fragments += 1
        self.video_frames += fragment.video_frames
        self.end_90k = fragment.start_90k + fragment.duration_90k
        self.end_utc_us = fragment.start_utc_us + fragment.duration_90k * 100 // 9
        return meta

    def _create(self, first_record: bytes | bytearray) -> None:
        day = self._full_path.parent
        new_day = not day.exists()
        self.file = Appender(self._full_path)
        self.file.append(self._head + first_record)
        self._head = b""
        self.file.sync()  # from here on the clock of `fsync_s` runs for this file
        sync_dir(day)
        if new_day:
            for parent in (day.parent, day.parent.parent, day.parent.parent.parent):
                sync_dir(parent)

    def abandon(self) -> None:
        """Keep what is whole and let go of the file; whatever fails now cannot be helped."""
        if self.file is None:
            return
        for step in (self.file.truncate_to_whole, self.file.sync, self.file.close):
            with suppress(OSError):
                step()
        if not self.fragments:
            with suppress(OSError):
                self._full_path.unlink()

    def record(self, complete: bool) -> SegmentRecord:
        """Describe the file as it is now."""
        return SegmentRecord(
            header=self.header,
            epoch=self.sealing.epoch,
            path=self.path,
            end_utc_us=self.end_utc_us,
            duration_90k=self.end_90k - self.header.start_90k,
            size_bytes=self.file.size if self.file is not None else 0,
            fragments=self.fragments,
            video_frames=self.video_frames,
            complete=complete,
        )


class SegmentWriter:
    """Writes one segment after another, and says so through `on_message`. Not for several threads at once.

    When the disk refuses, the segment in hand is cut back to what is whole and closed, and `DiskFull` or
    `ServiceUnavailable` is raised; a new segment may be opened at any time after.
    """

    def __init__(
        self, data_dir: Path, sealer: Sealer, clock: Clock, on_message: Callable[[Message], None], fsync_s: float = 5.0
    ) -> None:
        self._segments = data_dir / "segments"
        self.sealer = sealer  # may be replaced; counts from the next segment on
        self._clock, self._on_message, self._fsync_s = clock, on_message, fsync_s
        self._open: _OpenSegment | None = None
        self._synced_at = 0.0

    @property
    def is_open(self) -> bool:
        """Say whether fragments may be written."""
        return self._open is not None

    @property
    def segment_id(self) -> str:
        """Id of the segment in hand, or empty."""
        return self._open.header.segment_id if self._open is not None else ""

    def open(self, header: SegmentHeader, init_bytes: bytes) -> None:
        """Begin a segment (and close the one in hand). Its file appears with its first fragment."""
        self.close()
        self._open = _OpenSegment(self._segments, header, self.sealer.begin(header), init_bytes)
        self._synced_at = self._clock.mono_s()

    def write(self, fragment: Fragment) -> None:
        """Append a fragment; make it durable when the last time is long enough ago."""
        segment = self._open
        if segment is None:
            raise Bug("a fragment was written and no segment is open")
        try:
            meta = segment.append(fragment)
        except OSError as error:
            raise self._give_up(segment, error) from error
        self._report_fragment(segment, meta)  # outside of the try: a lost link is no full disk
        try:
            self._sync_when_due(segment, meta.duration_90k / VIDEO_TIMESCALE)
        except OSError as error:
            raise self._give_up(segment, error) from error

    def close(self) -> SegmentRecord | None:
        """Finish the segment in hand and make it durable; None where there is none, or it has no fragment."""
        segment, self._open = self._open, None
        if segment is None or segment.file is None:
            return None
        finished = False
        try:
            segment.file.append(segment.sealing.finish())
            finished = True
            segment.file.sync()
            segment.file.close()
        except OSError as error:
            raise self._give_up(segment, error, complete=finished) from error
        record = segment.record(complete=True)
        self._on_message(SegmentClosed(record))
        return record

    def _report_fragment(self, segment: _OpenSegment, meta: FragmentMeta) -> None:
        header = segment.header
        if segment.fragments == 1:
            self._on_message(SegmentOpened(header, segment.sealing.epoch, segment.path))
            self._on_message(FragmentSealed(header.segment_id, segment.init_meta))
        self._on_message(FragmentSealed(header.segment_id, meta))

    def _sync_when_due(self, segment: _OpenSegment, next_in_s: float) -> None:
        """Make durable what would have waited too long when the next fragment comes, presumably as long as this one."""
        now = self._clock.mono_s()
        if segment.file is not None and now + next_in_s - self._synced_at > self._fsync_s:
            segment.file.sync()
            self._synced_at = now

    def _give_up(self, segment: _OpenSegment, error: OSError, *, complete: bool = False) -> GuardianError:
        self._open = None
        segment.abandon()
        if segment.fragments:
            self._on_message(SegmentClosed(segment.record(complete=complete)))
        if error.errno in _FULL:
            return DiskFull(
                "the disk is full",
                cure="Free some space or keep footage for fewer days; recording goes on by itself once there is room.",
            )
        return ServiceUnavailable(
            f"footage could not be written: {error.strerror or error}",
            cure="Check that the data folder's disk is mounted, writable and healthy (see the kernel's log).",
        )
