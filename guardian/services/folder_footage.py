"""Footage found in the data folder itself: sealed files say in the clear what they hold, so no index is needed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from guardian.model.errors import Damaged, NotFound
from guardian.model.ids import is_uuid7
from guardian.model.segment import FragmentMeta, SegmentHeader
from guardian.model.time import SECOND_US
from guardian.services.footage import SegmentOnDisk
from guardian.vault.scan import scan

_DAY_US = 86_400 * SECOND_US


@dataclass(frozen=True, slots=True)
class FoundSegment:
    """A segment file."""

    header: SegmentHeader
    path: Path
    table: tuple[FragmentMeta, ...]
    open: bool

    @property
    def end_us(self) -> int:
        """Where it ends."""
        return max(
            (row.start_utc_us + row.duration_90k * 100 // 9 for row in self.table[1:]), default=self.header.start_utc_us
        )


class FolderFootage:
    """Implements `services.footage.Footage`. Works beside a running program, and without one."""

    def __init__(self, data_dir: Path) -> None:
        self._segments = data_dir / "segments"
        self._found: dict[str, FoundSegment] = {}

    def cameras(self) -> tuple[str, ...]:
        """Cameras that have footage here."""
        return tuple(sorted(path.name for path in self._segments.glob("*") if path.is_dir()))

    async def segments(self, camera: str, stream: str, start_us: int, end_us: int) -> Sequence[SegmentOnDisk]:
        """Segments that share a moment with a span, oldest first."""
        return await asyncio.to_thread(self._within, camera, stream, start_us, end_us)

    async def segment(self, segment_id: str) -> SegmentOnDisk:
        """A segment that `segments` has found before."""
        found = self._found.get(segment_id)
        if found is None:
            raise NotFound(f"there is no segment {segment_id!r}", field="segment", cure="It may be older than what is kept.")
        return found

    def _within(self, camera: str, stream: str, start_us: int, end_us: int) -> list[FoundSegment]:
        found = []
        for day_us in range(start_us - _DAY_US, end_us + _DAY_US, _DAY_US):
            day = datetime.fromtimestamp(day_us // SECOND_US, UTC).strftime("%Y-%m-%d")
            for path in sorted((self._segments / camera / stream / day).glob("*.pgs")):
                one = self._scanned(path)
                if one is not None and one.header.start_utc_us < end_us and one.end_us > start_us:
                    found.append(one)
                    self._found[one.header.segment_id] = one
        return sorted(found, key=lambda one: (one.header.start_utc_us, one.header.segment_id))

    def _scanned(self, path: Path) -> FoundSegment | None:
        if not is_uuid7(path.stem):
            return None
        try:
            scanned = scan(path)
        except (Damaged, FileNotFoundError):  # torn in its header, or deleted in this moment
            return None
        return FoundSegment(scanned.header, path, scanned.table, not scanned.complete) if len(scanned.table) > 1 else None
