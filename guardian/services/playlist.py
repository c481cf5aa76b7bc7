"""Which fragments play a span, and where the player has to begin anew. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from guardian.model.media import VIDEO_TIMESCALE
from guardian.model.segment import FragmentMeta, SegmentHeader
from guardian.model.views import Playlist, PlaylistEntry
from guardian.services.footage import SegmentOnDisk

CLOCK_TOLERANCE_90K = VIDEO_TIMESCALE // 2  # a hole in the media clock above this is a gap in the footage


def _end_us(row: FragmentMeta) -> int:
    return row.start_utc_us + row.duration_90k * 100 // 9


def _touching(table: Sequence[FragmentMeta], start_us: int, end_us: int) -> Sequence[FragmentMeta]:
    """Fragments of one segment that touch a span, from the keyframe on that its first picture needs."""
    rows = table[1:]
    inside = [at for at, row in enumerate(rows) if row.start_utc_us < end_us and _end_us(row) > start_us]
    if not inside:
        return ()
    first = inside[0]
    while first > 0 and not rows[first].is_key:
        first -= 1
    return rows[first : inside[-1] + 1]


def _same_picture(a: SegmentHeader, b: SegmentHeader) -> bool:
    return (a.codecs, a.width, a.height) == (b.codecs, b.width, b.height)


def plan(camera: str, stream: str, start_us: int, end_us: int, segments: Sequence[SegmentOnDisk]) -> Playlist:
    """Return the playlist of a span; without entries where there is no footage."""
    entries: list[PlaylistEntry] = []
    before: tuple[SegmentHeader, FragmentMeta] | None = None
    last_end_us = start_us
    for segment in segments:
        for row in _touching(segment.table, start_us, end_us):
            header = segment.header
            same_run = before is not None and before[0].run_id == header.run_id
            new_init = not same_run or before is None or not _same_picture(before[0], header)
            expected = before[1].start_90k + before[1].duration_90k if before is not None else row.start_90k
            jumped = abs(row.start_90k - expected) > CLOCK_TOLERANCE_90K
            entries.append(
                PlaylistEntry(
                    header.segment_id,
                    row.index,
                    row.start_utc_us,
                    row.start_90k,
                    row.duration_90k,
                    row.size,
                    row.is_key,
                    new_init=new_init,
                    discontinuity=before is not None and (new_init or jumped),
                )
            )
            before, last_end_us = (header, row), _end_us(row)
    growing = bool(segments) and segments[-1].open and last_end_us < end_us
    codecs = next((one.header.codecs for one in segments if entries and one.header.segment_id == entries[0].segment_id), "")
    begin_us = entries[0].start_utc_us if entries else start_us
    return Playlist(camera, stream, codecs, begin_us, last_end_us if entries else end_us, growing, tuple(entries))
