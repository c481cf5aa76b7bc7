"""Footage, opened: playlists, fragments and clips. Plaintext lives in memory only, and is forgotten when the vault locks."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from guardian.media.mp4_tables import Mp4Tables
from guardian.model.errors import BadRequest, NotFound, ServiceUnavailable
from guardian.model.time import SECOND_US, to_rfc3339
from guardian.model.views import Playlist, PlaylistEntry
from guardian.services.clip import ClipClock
from guardian.services.cut import Cutter
from guardian.services.footage import Footage, SegmentOnDisk
from guardian.services.open_segments import OpenSegments
from guardian.services.playlist import plan
from guardian.services.transcode import Transcoder, Transcoding
from guardian.vault.keyring import Keyring

MAX_SPAN_US = 25 * 3600 * SECOND_US  # one day, and the hour that a change of summer time adds
TRANSCODED_BYTES = 64 * 1024 * 1024  # outputs kept: some minutes at 720p


@dataclass(frozen=True, slots=True)
class ClipPiece:
    """A piece of a clip's MP4. `share`: how much of the clip is there with it, 0..1. `note`: why the clip ends with it."""

    data: bytes
    share: float
    note: str = ""
    tables: Mp4Tables | None = None  # with the last piece of a cut


@dataclass(frozen=True, slots=True)
class RecordedPiece:
    """A piece of a clip as it was recorded, but for its place on the clip's clock. `entry` is None of the init segment.

    `recorded_sha256`: of the bytes as they were sealed; `sealed_sha256`: of the sealed record in its file; both in hex.
    """

    data: bytes
    share: float
    entry: PlaylistEntry | None
    segment_id: str = ""
    index: int = 0
    codecs: str = ""
    recorded_sha256: str = ""
    sealed_sha256: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Step:
    """A fragment of a span. `init`: its init segment where it is the first of a run."""

    entry: PlaylistEntry
    segment: SegmentOnDisk
    init: bytes
    share: float


class PlaybackService:
    """Implements `contract.Playback`. `transcoder`: turns H.265 into H.264, None where there is none. `used` is told
    whenever footage is opened, so that the vault does not lock itself meanwhile.
    """

    def __init__(
        self,
        footage: Footage,
        data_dir: Path,
        keyring: Keyring,
        transcoder: Transcoder | None = None,
        *,
        used: Callable[[], None] = lambda: None,
    ) -> None:
        self._footage = footage
        self._open = OpenSegments(keyring)
        self._transcoder, self._used = transcoder, used
        self._transcoded = _Outputs(TRANSCODED_BYTES)
        del data_dir  # paths come whole from `footage`

    async def playlist(self, camera: str, start_us: int, end_us: int, stream: str = "main") -> Playlist:
        """Fragments of a span, from the keyframe on that its first picture needs."""
        _check_span(start_us, end_us)
        self.check_unlocked()
        segments = await self._footage.segments(camera, stream, start_us, end_us)
        return plan(camera, stream, start_us, end_us, segments)

    async def init(self, segment_id: str, *, as_h264: bool = False) -> bytes:
        """MP4 init segment."""
        return await self._init(await self._footage.segment(segment_id), as_h264)

    async def fragment(self, segment_id: str, index: int, *, as_h264: bool = False) -> bytes:
        """One moof + mdat on its run's clock."""
        segment = await self._footage.segment(segment_id)
        if not 0 < index < len(segment.table):
            raise NotFound(
                f"the segment has no fragment {index}", field="index", cure=f"It has 1 to {len(segment.table) - 1}."
            )
        return await self._fragment(segment, index, as_h264)

    async def clip(self, camera: str, start_us: int, end_us: int, *, as_h264: bool = False) -> AsyncIterator[bytes]:
        """One fragmented MP4 that begins at 0."""
        async for piece in self.pieces(camera, start_us, end_us, as_h264=as_h264):
            yield piece.data

    async def pieces(self, camera: str, start_us: int, end_us: int, *, as_h264: bool = False) -> AsyncIterator[ClipPiece]:
        """The clip with its progress. It ends early, with a note, where the camera's picture changed its form."""
        clock: ClipClock | None = None
        async with aclosing(self._steps(camera, start_us, end_us, as_h264)) as steps:
            async for step in steps:
                if clock is None:
                    clock = ClipClock(step.init)
                    yield ClipPiece(clock.init, 0.0)
                elif step.init and not clock.goes_on_with(step.init):
                    yield ClipPiece(b"", 1.0, _changed(step.entry))
                    return
                if step.entry.discontinuity:
                    clock.break_run()
                yield ClipPiece(clock.place(await self._fragment(step.segment, step.entry.index, as_h264)), step.share)

    async def cut(
        self, camera: str, start_us: int, end_us: int, *, exact: bool = True, speedup: int = 1
    ) -> AsyncIterator[ClipPiece]:
        """A plain MP4: the bytes of its samples, then a piece whose `tables` know the boxes around them (see `Cutter`)."""
        cutter: Cutter | None = None
        note = ""
        async with aclosing(self._steps(camera, start_us, end_us, False)) as steps:
            async for step in steps:
                cutter = cutter or Cutter(step.init, start_us, end_us, exact=exact, speedup=speedup)
                if step.init and not cutter.clock.goes_on_with(step.init):
                    note = _changed(step.entry)
                    break
                if speedup > 1 and not (step.entry.is_key or step.entry.discontinuity):
                    continue
                fragment = await self._fragment(step.segment, step.entry.index, False)
                yield ClipPiece(await asyncio.to_thread(cutter.place, step.entry, fragment), step.share)
        assert cutter is not None  # without footage, _steps has raised
        yield ClipPiece(b"", 1.0, note, cutter.tables)

    async def recorded(self, camera: str, start_us: int, end_us: int) -> AsyncIterator[RecordedPiece]:
        """The clip of `clip`, piece by piece, with the hashes that tie each to what was recorded."""
        clock: ClipClock | None = None
        async with aclosing(self._steps(camera, start_us, end_us, False)) as steps:
            async for step in steps:
                if clock is None:
                    clock = ClipClock(step.init)
                    yield await self._piece(step, None, 0, step.init, clock.init)
                elif step.init and not clock.goes_on_with(step.init):
                    yield RecordedPiece(b"", 1.0, step.entry, note=_changed(step.entry))
                    return
                if step.entry.discontinuity:
                    clock.break_run()
                fragment = await self._fragment(step.segment, step.entry.index, False)
                yield await self._piece(step, step.entry, step.entry.index, fragment, clock.place(fragment))

    async def _piece(
        self, step: _Step, entry: PlaylistEntry | None, index: int, recorded: bytes, data: bytes
    ) -> RecordedPiece:
        segment, row = step.segment, step.segment.table[index]
        sealed = await asyncio.to_thread(_digest, segment.path, row.offset, row.size)
        header = segment.header
        digest = hashlib.sha256(recorded).hexdigest()
        return RecordedPiece(data, step.share, entry, header.segment_id, index, header.codecs, digest, sealed)

    async def _steps(self, camera: str, start_us: int, end_us: int, as_h264: bool) -> AsyncGenerator[_Step, None]:
        playlist = await self.playlist(camera, start_us, end_us)
        if not playlist.entries:
            raise NotFound(
                f"there is no footage of {camera} from {to_rfc3339(start_us)} to {to_rfc3339(end_us)}",
                field="start",
                cure=f"/api/v1/cameras/{camera}/recordings lists what there is.",
            )
        segment: SegmentOnDisk | None = None
        for done, entry in enumerate(playlist.entries, start=1):
            if segment is None or segment.header.segment_id != entry.segment_id:
                segment = await self._footage.segment(entry.segment_id)
            init = await self._init(segment, as_h264) if entry.new_init or done == 1 else b""
            yield _Step(entry, segment, init, done / len(playlist.entries))

    def drop_gone(self) -> None:
        """Let go of files that were deleted. Costs a look at some directories."""
        self._open.drop_gone()

    def check_unlocked(self) -> None:
        """VaultLocked, and everything in memory forgotten, while the vault is locked."""
        try:
            self._open.check_unlocked()
        except Exception:
            self._transcoded.clear()
            raise

    def vault_changed(self, unlocked: bool) -> None:
        """Forget what is open when the vault locks."""
        if not unlocked:
            self._transcoded.clear()
            self._open.close()

    def close(self) -> None:
        """Close every file."""
        self.vault_changed(False)

    async def _read(self, segment: SegmentOnDisk, index: int) -> bytes:
        self.check_unlocked()
        self._used()
        return await asyncio.to_thread(self._open.read, segment.path, index)

    async def _init(self, segment: SegmentOnDisk, as_h264: bool) -> bytes:
        source = await self._read(segment, 0)
        if not as_h264 or _is_h264(segment):
            return source
        return (await self._transcode(segment, 0, source, ())).init

    async def _fragment(self, segment: SegmentOnDisk, index: int, as_h264: bool) -> bytes:
        if not as_h264 or _is_h264(segment):
            return await self._read(segment, index)
        self.check_unlocked()
        key = (segment.header.segment_id, index)
        if (kept := self._transcoded.get(key)) is not None:
            self._used()
            return kept.fragment
        first = index
        while first > 1 and not segment.table[first].is_key:
            first -= 1
        source = await self._read(segment, 0)
        fragments = [await self._read(segment, at) for at in range(first, index + 1)]
        return (await self._transcode(segment, index, source, fragments)).fragment

    async def _transcode(self, segment: SegmentOnDisk, index: int, init: bytes, fragments: Sequence[bytes]) -> Transcoding:
        key = (segment.header.segment_id, index)
        if (kept := self._transcoded.get(key)) is not None:
            return kept
        if self._transcoder is None:
            raise ServiceUnavailable("H.265 cannot be turned into H.264 here", cure="Use a player that plays H.265.")
        done = await self._transcoder.transcode(init, fragments)
        self.check_unlocked()  # it may have been locked meanwhile
        self._transcoded.put(key, done)
        return done


class _Outputs:
    """An LRU of transcoded fragments, bounded in bytes."""

    def __init__(self, most_bytes: int) -> None:
        self._most, self._bytes = most_bytes, 0
        self._kept: OrderedDict[tuple[str, int], Transcoding] = OrderedDict()

    def get(self, key: tuple[str, int]) -> Transcoding | None:
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def put(self, key: tuple[str, int], value: Transcoding) -> None:
        if (before := self._kept.pop(key, None)) is not None:
            self._bytes -= before.size
        self._kept[key] = value
        self._bytes += value.size
        while self._bytes > self._most:
            self._bytes -= self._kept.popitem(last=False)[1].size

    def clear(self) -> None:
        self._kept.clear()
        self._bytes = 0


def _digest(path: Path, offset: int, size: int) -> str:
    with path.open("rb") as file:
        file.seek(offset)
        return hashlib.sha256(file.read(size)).hexdigest()


def _changed(entry: PlaylistEntry) -> str:
    return f"The camera's picture changed its form at {to_rfc3339(entry.start_utc_us)}; the clip ends there."


def _is_h264(segment: SegmentOnDisk) -> bool:
    return segment.header.codecs.startswith(("avc1", "avc3"))


def _check_span(start_us: int, end_us: int) -> None:
    if end_us <= start_us:
        raise BadRequest("the end is not after the start", field="end", cure="Give an end that is later than the start.")
    if end_us - start_us > MAX_SPAN_US:
        raise BadRequest("the span is longer than a day", field="end", cure="Ask for at most 25 hours at once.")
