"""Segment files and events to fill an index with, and a clock that a test owns."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zlib import crc32

from guardian.model.event import Event, EventState
from guardian.model.ids import uuid7
from guardian.model.messages import FragmentSealed, SegmentClosed, SegmentOpened
from guardian.model.segment import ContentKind, FragmentMeta, SegmentHeader, SegmentRecord
from guardian.model.time import SECOND_US, Instant
from tests.support.plain_sealer import PlainSealer, PlainSegment, scan

T0 = 1_795_392_000 * SECOND_US  # 2026-11-23T00:00:00Z
MINUTE = 60 * SECOND_US


class OwnClock:
    """Stands still until told."""

    def __init__(self, utc_us: int = T0) -> None:
        self.utc_us, self.mono_us, self.slept_s = utc_us, 5_000_000_000, 0.0

    def forward(self, seconds: float) -> None:
        self.utc_us += round(seconds * 1e6)
        self.mono_us += round(seconds * 1e6)

    def now(self) -> Instant:
        return Instant(self.utc_us, self.mono_us)

    def mono_s(self) -> float:
        return self.mono_us / 1e6

    def elapsed_s(self) -> float:
        return self.mono_us / 1e6 + self.slept_s

    async def sleep(self, seconds: float) -> None:
        self.forward(seconds)


def make_id(at_us: int, number: int = 0) -> str:
    return uuid7(at_us // 1000, number.to_bytes(10, "big"))


def header(start_us: int, camera: str = "front", stream: str = "main", number: int = 0) -> SegmentHeader:
    return SegmentHeader(
        make_id(start_us, number or crc32(f"{camera}/{stream}".encode())),
        make_id(T0),
        camera,
        stream,
        ContentKind.VIDEO,
        start_us,
        1,
        90_000,
        "avc1.640028",
        640,
        360,
    )


def path_of(one: SegmentHeader) -> str:
    day = datetime.fromtimestamp(one.start_utc_us / 1e6, UTC).strftime("%Y-%m-%d")
    return f"{one.camera}/{one.stream}/{day}/{one.segment_id}.pgs"


def record(
    start_us: int, camera: str = "front", *, seconds: int = 60, size: int = 1000, stream: str = "main"
) -> SegmentRecord:
    """A row without a file."""
    one = header(start_us, camera, stream)
    end_us = start_us + seconds * SECOND_US
    return SegmentRecord(one, 7, path_of(one), end_us, seconds * 90_000, size, seconds, seconds * 15, True)


class Recording:
    """A segment file on disk, written a second at a time, with the messages that its camera's process sends."""

    def __init__(self, data_dir: Path, start_us: int, camera: str = "front", stream: str = "main") -> None:
        self.header = header(start_us, camera, stream)
        self.path = path_of(self.header)
        self.file = data_dir / "segments" / self.path
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self._sealing: PlainSegment = PlainSealer().begin(self.header)
        self.file.write_bytes(self._sealing.header_bytes)
        self.metas: list[FragmentMeta] = []
        self._add(b"init", 0)

    def _add(self, data: bytes, duration_90k: int) -> FragmentMeta:
        seconds = max(0, len(self.metas) - 1)
        meta, sealed = self._sealing.seal(
            data,
            start_90k=self.header.start_90k + seconds * 90_000,
            duration_90k=duration_90k,
            start_utc_us=self.header.start_utc_us + seconds * SECOND_US,
            is_key=duration_90k > 0,
            video_frames=15 if duration_90k else 0,
        )
        with self.file.open("ab") as file:
            file.write(sealed)
        self.metas.append(meta)
        return meta

    def second(self) -> FragmentMeta:
        """Write one more second."""
        return self._add(b"x" * 100, 90_000)

    def finish(self) -> SegmentRecord:
        """Write the end."""
        with self.file.open("ab") as file:
            file.write(self._sealing.finish())
        return scan(self.file).record(self.path)

    def tear(self) -> None:
        """Leave half a record behind, as a crash does."""
        meta = self.second()
        with self.file.open("r+b") as file:
            file.truncate(meta.offset + meta.size // 2)

    def opened(self) -> SegmentOpened:
        return SegmentOpened(self.header, 7, self.path)

    def sealed(self, meta: FragmentMeta) -> FragmentSealed:
        return FragmentSealed(self.header.segment_id, meta)


def whole(data_dir: Path, start_us: int, seconds: int = 3, camera: str = "front", stream: str = "main") -> SegmentRecord:
    """Write a finished segment file and return its record."""
    recording = Recording(data_dir, start_us, camera, stream)
    for _ in range(seconds):
        recording.second()
    return recording.finish()


def closed(one: SegmentRecord) -> SegmentClosed:
    return SegmentClosed(one)


def event(
    start_us: int,
    end_us: int | None = None,
    *,
    camera: str = "front",
    label: str = "person",
    number: int = 0,
    zones: tuple[str, ...] = (),
    snapshot: str = "",
) -> Event:
    state = EventState.ACTIVE if end_us is None else EventState.ENDED
    return Event(make_id(start_us, number), camera, label, 0.8, start_us, end_us, state, zones, snapshot)


def bare(_: Event) -> bytes:
    """No details, for tests that are not about them (`EventRepository.put`)."""
    return b""
