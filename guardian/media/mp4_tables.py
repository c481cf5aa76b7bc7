"""Plain MP4: sample tables and an edit list over samples that are written elsewhere, after ISO/IEC 14496-12.

An edit list is honoured by every player in a file with whole sample tables; in a fragmented one many ignore it. So files
that begin within a GOP are written like this. Tables grow by some bytes a sample: a day at 15 fps with sound takes 25 MB.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable

from guardian.media.fmp4_read import Box, boxes, find, timescales
from guardian.media.fmp4_write import AUDIO_TRACK, VIDEO_TRACK
from guardian.media.timebase import rescale
from guardian.model.errors import Damaged
from guardian.model.media import VIDEO_TIMESCALE, Sample

_FTYP = struct.pack(">I4s4sI4s4s4s", 28, b"ftyp", b"isom", 0x200, b"isom", b"iso2", b"mp41")
_FIELD = (1 << 32) - 1


FRONT_BYTES = len(_FTYP) + 16


class Mp4Tables:
    """Takes samples in decode order on the clip's clock, and tells the boxes that belong around their bytes."""

    def __init__(self, init: bytes) -> None:
        """`init`: the init segment of the fragments that the samples come from."""
        self._init = init
        self._scales = timescales(init)
        self._columns = {track: _Columns() for track in self._scales}
        self._span = (0, 0)
        self.body_bytes = 0

    def add(self, samples: Iterable[Sample]) -> bytes:
        """Take the next samples; return the bytes that must follow those returned before."""
        taken: list[bytes] = []
        for track, kind in ((VIDEO_TRACK, "video"), (AUDIO_TRACK, "audio")):
            run = [sample for sample in samples if sample.kind == kind]
            if not run or track not in self._columns:
                continue
            self._columns[track].chunk(self.body_bytes, run)
            taken += [sample.data for sample in run]
            self.body_bytes += sum(len(sample.data) for sample in run)
        return b"".join(taken)

    def show(self, begin_90k: int, end_90k: int) -> None:
        """Let players begin and end at these times of the clip's clock."""
        self._span = (begin_90k, max(begin_90k, end_90k))

    @property
    def head(self) -> bytes:
        """What comes before the samples where the tables go to the front, so that a player may begin at once."""
        size = len(self._moov(0))
        return _FTYP + self._moov(len(_FTYP) + size + 16) + self._mdat()

    @property
    def front(self) -> bytes:
        """What comes before the samples where `tail` comes after them. Its size never changes."""
        return _FTYP + self._mdat()

    @property
    def tail(self) -> bytes:
        """The tables, for behind the samples."""
        return self._moov(len(_FTYP) + 16)

    def _mdat(self) -> bytes:
        return struct.pack(">I4sQ", 1, b"mdat", 16 + self.body_bytes)

    def _moov(self, body_at: int) -> bytes:
        moov = _need(self._init, b"moov")
        kept: list[bytes] = []
        for box in boxes(self._init, moov.body, moov.end):
            if box.kind == b"trak":
                kept.append(self._trak(box, body_at))
            elif box.kind == b"mvhd":
                mvhd = bytearray(self._init[box.start : box.end])
                duration = min(_FIELD, self._span[1] - self._span[0])
                struct.pack_into(">II", mvhd, 20, VIDEO_TIMESCALE, duration)
                kept.append(bytes(mvhd))
        return _box(b"moov", *kept)

    def _trak(self, trak: Box, body_at: int) -> bytes:
        tkhd = bytearray(_bytes(self._init, _need(self._init, b"tkhd", within=trak)))
        track = struct.unpack_from(">I", tkhd, 20)[0]
        columns = self._columns[track]
        if not columns.sizes:
            return b""
        edits, shown = self._edits(track)
        struct.pack_into(">I", tkhd, 28, min(_FIELD, shown))
        mdia = _need(self._init, b"mdia", within=trak)
        parts: list[bytes] = []
        for box in boxes(self._init, mdia.body, mdia.end):
            if box.kind == b"mdhd":
                parts.append(_mdhd(self._scales[track], columns.total))
            elif box.kind == b"minf":
                parts.append(self._minf(box, columns, body_at))
            else:
                parts.append(_bytes(self._init, box))
        return _box(b"trak", bytes(tkhd), edits, _box(b"mdia", *parts))

    def _minf(self, minf: Box, columns: _Columns, body_at: int) -> bytes:
        parts: list[bytes] = []
        for box in boxes(self._init, minf.body, minf.end):
            if box.kind == b"stbl":
                stsd = _bytes(self._init, _need(self._init, b"stsd", within=box))
                parts.append(_box(b"stbl", stsd, *columns.tables(body_at)))
            else:
                parts.append(_bytes(self._init, box))
        return _box(b"minf", *parts)

    def _edits(self, track: int) -> tuple[bytes, int]:
        """Return the edit list of a track and how long the track is shown, in 1/90000 s."""
        columns, scale = self._columns[track], self._scales[track]
        begin, end = (rescale(at, VIDEO_TIMESCALE, scale) for at in self._span)
        empty = max(0, columns.first - begin)
        media_time = max(0, begin - columns.first) + columns.bias
        length = max(0, min(end, columns.shown_end) - max(begin, columns.first))
        rows: list[tuple[int, int]] = []
        if empty:
            rows.append((rescale(empty, scale, VIDEO_TIMESCALE), -1))
        rows.append((rescale(length, scale, VIDEO_TIMESCALE), media_time))
        table = b"".join(struct.pack(">QqI", duration, at, 0x10000) for duration, at in rows)
        elst = _full_box(b"elst", 1, struct.pack(">I", len(rows)), table)
        return _box(b"edts", elst), sum(duration for duration, _ in rows)


class _Columns:
    """The tables of one track, with runs of equal values kept as one."""

    def __init__(self) -> None:
        self.sizes, self._syncs = array("I"), array("I")
        self._durations, self._offsets = _Runs(), _Runs()
        self._chunk_at, self._chunk_count = array("Q"), array("I")
        self.first = self.bias = self._last = 0
        self._last_duration = self.shown_end = 0

    def chunk(self, at: int, run: list[Sample]) -> None:
        """Take samples whose bytes lie one after the other, from a place within the body on."""
        self._chunk_at.append(at)
        self._chunk_count.append(len(run))
        for sample in run:
            self._add(sample)

    def _add(self, sample: Sample) -> None:
        if not self.sizes:
            self.first = self._last = sample.dts
            self.bias = max(0, -sample.cts_offset)
        else:
            # A sample lasts until the next begins. Where runs overlap by a little, times rise by a tick until they agree.
            step = min(_FIELD, max(1, sample.dts - self._last))
            self._durations.add(step)
            self._last += step
        self._last_duration = sample.duration
        self.shown_end = max(self.shown_end, self._last + sample.cts_offset + sample.duration)
        self.sizes.append(len(sample.data))
        self._offsets.add(sample.cts_offset + self.bias)
        if sample.is_key:
            self._syncs.append(len(self.sizes))

    @property
    def total(self) -> int:
        """Ticks from the first sample's begin to the last one's end."""
        return self._last + self._last_duration - self.first

    def tables(self, body_at: int) -> list[bytes]:
        """Everything in stbl but stsd."""
        count = len(self.sizes)
        last = _Runs()
        last.add(self._last_duration)
        tables = [
            _counted(b"stts", 0, self._durations.rows(">II") + last.rows(">II"), len(self._durations) + 1),
            _full_box(b"stsz", 0, struct.pack(">II", 0, count), _big(self.sizes)),
            _counted(b"stsc", 0, *_sample_to_chunk(self._chunk_count)),
            _counted(b"co64", 0, _big(array("Q", (body_at + at for at in self._chunk_at))), len(self._chunk_at)),
        ]
        if self._offsets.values != array("q", [0]):
            tables.insert(1, _counted(b"ctts", 1, self._offsets.rows(">Ii"), len(self._offsets)))
        if len(self._syncs) != count:
            tables.append(_counted(b"stss", 0, _big(self._syncs), len(self._syncs)))
        return tables


class _Runs:
    """Values, runs of the same one kept as a count."""

    def __init__(self) -> None:
        self.values, self._counts = array("q"), array("I")

    def __len__(self) -> int:
        return len(self.values)

    def add(self, value: int) -> None:
        if self.values and self.values[-1] == value:
            self._counts[-1] += 1
        else:
            self.values.append(value)
            self._counts.append(1)

    def rows(self, form: str) -> bytes:
        pack = struct.Struct(form).pack
        return b"".join(pack(count, value) for count, value in zip(self._counts, self.values, strict=True))


def _sample_to_chunk(counts: array[int]) -> tuple[bytes, int]:
    rows: list[bytes] = []
    before = 0
    for number, count in enumerate(counts, start=1):
        if count != before:
            rows.append(struct.pack(">III", number, count, 1))
            before = count
    return b"".join(rows), len(rows)


def _big(values: array[int]) -> bytes:
    """Return numbers in big endian."""
    swapped = values[:]
    if struct.pack("=H", 1) != struct.pack(">H", 1):
        swapped.byteswap()
    return swapped.tobytes()


def _mdhd(timescale: int, duration: int) -> bytes:
    return _full_box(b"mdhd", 1, struct.pack(">QQIQHH", 0, 0, timescale, duration, 0x55C4, 0))


def _counted(kind: bytes, version: int, rows: bytes, count: int) -> bytes:
    return _full_box(kind, version, struct.pack(">I", count), rows)


def _full_box(kind: bytes, version: int, *parts: bytes) -> bytes:
    return _box(kind, struct.pack(">I", version << 24), *parts)


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _bytes(data: bytes, box: Box) -> bytes:
    return data[box.start : box.end]


def _need(data: bytes, *path: bytes, within: Box | None = None) -> Box:
    found = find(data, *path, within=within)
    if found is None:
        raise Damaged(f"this MP4 does not read: there is no {path[-1].decode()}", cure="Play another moment.")
    return found
