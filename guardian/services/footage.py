"""What playback needs to know of recordings: which files hold a span, and their fragment tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from guardian.model.segment import FragmentMeta, SegmentHeader


class SegmentOnDisk(Protocol):
    """A sealed segment, finished or (`open`) still growing. `table[0]` is its init segment."""

    @property
    def header(self) -> SegmentHeader: ...

    @property
    def path(self) -> Path: ...

    @property
    def table(self) -> tuple[FragmentMeta, ...]: ...

    @property
    def open(self) -> bool: ...


class Footage(Protocol):
    """Where segments are found: the index while the program runs, the data folder without it."""

    async def segments(self, camera: str, stream: str, start_us: int, end_us: int) -> Sequence[SegmentOnDisk]:
        """Segments that share a moment with a span, oldest first."""
        ...

    async def segment(self, segment_id: str) -> SegmentOnDisk:
        """One segment. NotFound."""
        ...
