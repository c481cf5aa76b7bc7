"""Fragmented MP4, read: boxes, samples, and decode times moved. What comes in may be hostile: it ends in `Damaged`."""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from guardian.media.fmp4_write import AUDIO_TRACK, VIDEO_TRACK
from guardian.media.timebase import rescale
from guardian.model.errors import Damaged
from guardian.model.media import VIDEO_TIMESCALE, Sample, TrackKind

_U32, _U64 = struct.Struct(">I"), struct.Struct(">Q")
_NON_SYNC = 0x0001_0000
MAX_SAMPLES = 100_000  # of one track fragment; two seconds hold a few hundred


@dataclass(frozen=True, slots=True)
class Box:
    """Where a box lies: `start` is of its header, `body` of what follows it, `end` is one past its last byte."""

    kind: bytes
    start: int
    body: int
    end: int


@dataclass(frozen=True, slots=True)
class TrackRun:
    """One track's part of a fragment, times in ticks of its timescale."""

    track: int
    first_dts: int
    duration: int
    samples: int
    first_is_sync: bool


@dataclass(frozen=True, slots=True)
class FragmentInfo:
    """What a fragment holds, by track id."""

    sequence: int
    tracks: Mapping[int, TrackRun]


@dataclass(frozen=True, slots=True)
class _Entry:
    """One row of a trun with the defaults filled in; `offset` counts from the fragment's begin."""

    dts: int
    cts_offset: int
    duration: int
    size: int
    is_sync: bool
    offset: int


@dataclass(frozen=True, slots=True)
class _Traf:
    track: int
    tfdt: int  # where the decode time's field lies
    tfdt_wide: bool
    entries: tuple[_Entry, ...]
    first_dts: int


def _damaged(what: str) -> Damaged:
    return Damaged(f"this MP4 does not read: {what}", cure="The footage was altered or cut off; play another moment.")


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Yield the boxes between two places, one after the other, without going into them."""
    at, stop = start, len(data) if end is None else end
    while at < stop:
        if at + 8 > stop:
            raise _damaged("a box ends within its header")
        size, body = _U32.unpack_from(data, at)[0], at + 8
        if size == 1:
            if at + 16 > stop:
                raise _damaged("a box ends within its header")
            size, body = _U64.unpack_from(data, at + 8)[0], at + 16
        elif size == 0:
            size = stop - at
        if at + size < body or at + size > stop:
            raise _damaged(f"a box of {size} bytes does not fit")
        yield Box(bytes(data[at + 4 : at + 8]), at, body, at + size)
        at += size


def find(data: bytes, *path: bytes, within: Box | None = None) -> Box | None:
    """Return the first box at a path such as `b"moov", b"trak"`, or None."""
    found = within
    for kind in path:
        inside = boxes(data) if found is None else boxes(data, found.body, found.end)
        found = next((box for box in inside if box.kind == kind), None)
        if found is None:
            return None
    return found


def timescales(init: bytes) -> dict[int, int]:
    """Return ticks a second of each track of an init segment."""
    moov = find(init, b"moov")
    if moov is None:
        raise _damaged("there is no moov")
    found: dict[int, int] = {}
    for trak in boxes(init, moov.body, moov.end):
        if trak.kind != b"trak":
            continue
        tkhd, mdhd = find(init, b"tkhd", within=trak), find(init, b"mdia", b"mdhd", within=trak)
        if tkhd is None or mdhd is None:
            raise _damaged("a track has no header")
        track = _Reader(init, tkhd).skip_times().u32()
        found[track] = _Reader(init, mdhd).skip_times().u32()
    return found


def shift_decode_times(fragment: bytes, delta: Mapping[int, int]) -> bytes:
    """Return a fragment with each track's decode time moved by its ticks; what would begin before 0 begins at 0."""
    out = bytearray(fragment)
    for traf in _trafs(fragment):
        moved = max(0, traf.first_dts + delta.get(traf.track, 0))
        if moved >= 1 << (64 if traf.tfdt_wide else 32):
            raise _damaged("a decode time does not fit its field")
        (_U64 if traf.tfdt_wide else _U32).pack_into(out, traf.tfdt, moved)
    return bytes(out)


def zero_based(first: FragmentInfo, audio_timescale: int) -> dict[int, int]:
    """Return the shifts, for all fragments of a run from this one on, that let a clip begin at 0.

    Sound that came late may begin before its fragment's picture: then the sound is what begins at 0, in step as it was.
    """
    scales = {VIDEO_TRACK: VIDEO_TIMESCALE, AUDIO_TRACK: audio_timescale or VIDEO_TIMESCALE}
    begins = [
        rescale(run.first_dts, scales.get(run.track, VIDEO_TIMESCALE), VIDEO_TIMESCALE) for run in first.tracks.values()
    ]
    begin = min(begins, default=0)
    return {track: -rescale(begin, VIDEO_TIMESCALE, scale) for track, scale in scales.items()}


def fragment_info(fragment: bytes) -> FragmentInfo:
    """Say what a fragment holds. Damaged where its tables do not fit its bytes."""
    mfhd = find(fragment, b"moof", b"mfhd")
    if mfhd is None:
        raise _damaged("there is no moof")
    sequence = _Reader(fragment, mfhd).skip(4).u32()
    tracks: dict[int, TrackRun] = {}
    for traf in _trafs(fragment):
        if traf.entries:
            duration = sum(entry.duration for entry in traf.entries)
            sync = traf.entries[0].is_sync
            tracks[traf.track] = TrackRun(traf.track, traf.first_dts, duration, len(traf.entries), sync)
    return FragmentInfo(sequence, tracks)


def samples(fragment: bytes) -> list[Sample]:
    """Return the samples of a fragment, track after track, as `media_fragment` took them (`arrived_us` is 0)."""
    found: list[Sample] = []
    for traf in _trafs(fragment):
        kind: TrackKind = "video" if traf.track == VIDEO_TRACK else "audio"
        for entry in traf.entries:
            data = fragment[entry.offset : entry.offset + entry.size]
            found.append(Sample(kind, data, entry.dts, entry.cts_offset, entry.duration, entry.is_sync, 0))
    return found


class _Reader:
    """Reads numbers of a box one after the other; Damaged past its end."""

    def __init__(self, data: bytes, box: Box) -> None:
        self._data, self.at, self._end = data, box.body, box.end

    def skip(self, count: int) -> "_Reader":
        """Leave out bytes."""
        self.at += count
        return self

    def skip_times(self) -> "_Reader":
        """Leave out a header's version, flags, creation and modification time."""
        return self.skip(16) if self.u32() >> 24 == 1 else self.skip(8)

    def u32(self) -> int:
        """32 bits."""
        if self.at + 4 > self._end:
            raise _damaged("a box ends too early")
        value: int = _U32.unpack_from(self._data, self.at)[0]
        self.at += 4
        return value

    def i32(self) -> int:
        """32 bits with a sign."""
        value = self.u32()
        return value - (1 << 32) if value >> 31 else value

    def u64(self) -> int:
        """64 bits."""
        return self.u32() << 32 | self.u32()


def _trafs(fragment: bytes) -> Iterator[_Traf]:
    moof = find(fragment, b"moof")
    if moof is None:
        raise _damaged("there is no moof")
    for box in boxes(fragment, moof.body, moof.end):
        if box.kind == b"traf":
            yield _traf(fragment, moof, box)


@dataclass(frozen=True, slots=True)
class _Defaults:
    track: int
    base: int
    duration: int
    size: int
    flags: int


def _traf(fragment: bytes, moof: Box, traf: Box) -> _Traf:
    tfhd, tfdt = find(fragment, b"tfhd", within=traf), find(fragment, b"tfdt", within=traf)
    if tfhd is None or tfdt is None:
        raise _damaged("a track fragment has no header or no decode time")
    defaults = _tfhd(fragment, tfhd, moof)
    reader = _Reader(fragment, tfdt)
    wide = reader.u32() >> 24 == 1
    field = reader.at
    first = dts = reader.u64() if wide else reader.u32()
    entries: list[_Entry] = []
    offset = defaults.base
    for trun in boxes(fragment, traf.body, traf.end):
        if trun.kind != b"trun":
            continue
        run = _trun(fragment, trun, defaults, dts, offset)
        entries += run
        if len(entries) > MAX_SAMPLES:
            raise _damaged("a track fragment has too many samples")
        if run:
            dts, offset = run[-1].dts + run[-1].duration, run[-1].offset + run[-1].size
    return _Traf(defaults.track, field, wide, tuple(entries), first)


def _tfhd(fragment: bytes, box: Box, moof: Box) -> _Defaults:
    reader = _Reader(fragment, box)
    flags = reader.u32()
    track = reader.u32()
    base = reader.u64() if flags & 0x1 else moof.start
    if flags & 0x2:
        reader.skip(4)
    duration = reader.u32() if flags & 0x8 else 0
    size = reader.u32() if flags & 0x10 else 0
    sample_flags = reader.u32() if flags & 0x20 else 0
    return _Defaults(track, base, duration, size, sample_flags)


def _trun(fragment: bytes, box: Box, defaults: _Defaults, dts: int, offset: int) -> list[_Entry]:
    reader = _Reader(fragment, box)
    flags = reader.u32()
    count = reader.u32()
    if count > MAX_SAMPLES:
        raise _damaged("a track fragment has too many samples")
    if flags & 0x1:
        offset = defaults.base + reader.i32()
    first_flags = reader.u32() if flags & 0x4 else None
    entries: list[_Entry] = []
    for index in range(count):
        duration = reader.u32() if flags & 0x100 else defaults.duration
        size = reader.u32() if flags & 0x200 else defaults.size
        sample_flags = reader.u32() if flags & 0x400 else defaults.flags
        if index == 0 and first_flags is not None:
            sample_flags = first_flags
        cts_offset = reader.i32() if flags & 0x800 else 0
        if offset < 0 or offset + size > len(fragment):
            raise _damaged("a sample lies outside of its fragment")
        entries.append(_Entry(dts, cts_offset, duration, size, not sample_flags & _NON_SYNC, offset))
        dts, offset = dts + duration, offset + size
    return entries
