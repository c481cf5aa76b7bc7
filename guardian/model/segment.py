"""Sealed segments as values, and the seam behind which the vault seals (record and events know only this seam)."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol


class ContentKind(IntEnum):
    """What a sealed file holds; the number stands in its header."""

    VIDEO = 1
    PICTURE = 2
    EXPORT = 3
    EVENT_DETAILS = 4
    SIGNING_KEY = 5
    BACKUP = 6


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    """What a sealed file says of itself in the clear, enough to rebuild the index without any key.

    `run_id` names one uninterrupted capture; fragments of one run share one media clock. `start_90k` is where this
    segment begins on that clock. `codecs` is the RFC 6381 string (`avc1.640028,mp4a.40.2`; empty for pictures).
    """

    segment_id: str
    run_id: str
    camera: str
    stream: str
    kind: ContentKind
    start_utc_us: int
    start_mono_us: int
    start_90k: int
    codecs: str = ""
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class FragmentMeta:
    """One row of the fragment table. `offset` and `size` are of the whole sealed record in the file, in bytes.

    Row 0 of a video segment is its MP4 init segment (duration 0, no frames).
    """

    index: int
    offset: int
    size: int
    start_90k: int
    duration_90k: int
    start_utc_us: int
    is_key: bool
    video_frames: int


@dataclass(frozen=True, slots=True)
class SegmentRecord:
    """One segment as the index knows it. `path` is relative to the data folder's `segments/`, or to the folder of a tier.
    `local`: its file is on our own disk.
    """

    header: SegmentHeader
    epoch: int
    path: str
    end_utc_us: int
    duration_90k: int
    size_bytes: int
    fragments: int
    video_frames: int
    complete: bool
    local: bool = True


class SealingSegment(Protocol):
    """A segment that is being sealed; each call returns the bytes to append to its file, in order."""

    @property
    def header_bytes(self) -> bytes:
        """Bytes that open the file."""
        ...

    @property
    def epoch(self) -> int:
        """Key epoch that it is sealed to."""
        ...

    def seal(
        self, plaintext: bytes, *, start_90k: int, duration_90k: int, start_utc_us: int, is_key: bool, video_frames: int
    ) -> tuple[FragmentMeta, bytes | bytearray]:
        """Seal the next fragment (the first is the init segment) and return its table row and its record."""
        ...

    def finish(self) -> bytes:
        """Return the end record and the footer with the fragment table; nothing may be sealed after."""
        ...


class Sealer(Protocol):
    """Begins sealed files. Holds a public key only: it can seal while the vault is locked."""

    def begin(self, header: SegmentHeader) -> SealingSegment:
        """Draw a fresh key for one file, wrap it to the vault's public key, and return the file's sealing state."""
        ...


@dataclass(frozen=True, slots=True)
class EventKeep:
    """Footage of one camera to keep for what happened in it: events with one of `labels` and in one of `zones` (empty: any)
    that ended at or after `since_us`, with so much footage before and after them.
    """

    labels: tuple[str, ...]
    zones: tuple[str, ...]
    since_us: int
    before_us: int
    after_us: int


@dataclass(frozen=True, slots=True)
class StreamUsage:
    """What is kept of one camera's stream: closed segments on our own disk and their bytes; first and last moment of all."""

    camera: str
    stream: str
    segments: int
    size_bytes: int
    oldest_us: int
    newest_us: int
