"""What an export is made of: one MP4, a ZIP of several cameras, or evidence."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from zlib import crc32

from guardian.media.mp4_tables import FRONT_BYTES, Mp4Tables
from guardian.media.zip_write import ZipEntry, crc32_combine, directory, header_bytes, local_header
from guardian.model.errors import NotFound
from guardian.model.time import to_rfc3339
from guardian.model.views import Playlist
from guardian.services.evidence import Evidence, Notary
from guardian.services.export_file import Sink
from guardian.services.playback import ClipPiece, RecordedPiece


class Clips(Protocol):
    """Where the footage comes from (`services.playback.PlaybackService`)."""

    async def playlist(self, camera: str, start_us: int, end_us: int, stream: str = "main") -> Playlist: ...

    def cut(
        self, camera: str, start_us: int, end_us: int, *, exact: bool = True, speedup: int = 1
    ) -> AsyncIterator[ClipPiece]: ...

    def recorded(self, camera: str, start_us: int, end_us: int) -> AsyncIterator[RecordedPiece]: ...


@dataclass(frozen=True, slots=True)
class ExportWish:
    """What to export. `exact`: shown from `start_us` to `end_us`, not in whole GOPs. `speedup`: above 1, keyframes only, so
    many times as fast, without sound. `evidence`: as recorded, with every fragment's hash, signed. `names`: of cameras.
    """

    cameras: tuple[str, ...]
    start_us: int
    end_us: int
    exact: bool = True
    speedup: int = 1
    evidence: bool = False
    names: tuple[tuple[str, str], ...] = ()

    @property
    def suffix(self) -> str:
        """Of the file's name: mp4 or zip."""
        return "zip" if self.evidence or len(self.cameras) > 1 else "mp4"


Report = Callable[[float], None]


class Maker:
    """Makes one export. `report` is told how much is done, 0..1. `notary` signs evidence."""

    def __init__(
        self, clips: Clips, sink: Sink, wish: ExportWish, created_us: int, report: Report, notary: Notary | None
    ) -> None:
        self._clips, self._sink, self._wish, self._report, self._notary = clips, sink, wish, report, notary
        self._created_us = created_us
        self._made = datetime.fromtimestamp(created_us // 1_000_000, UTC)
        self._entries: list[ZipEntry] = []

    async def make(self) -> str:
        """Write all of it; return a note for the owner, or nothing. NotFound where no camera has footage."""
        wish = self._wish
        if wish.suffix == "mp4":
            return (await self._mp4(wish.cameras[0], self._report)).note
        found = [
            camera for camera in wish.cameras if (await self._clips.playlist(camera, wish.start_us, wish.end_us)).entries
        ]
        if not found:
            raise NotFound("none of the cameras has footage in that span", field="start")
        parts: list[dict[str, Any]] = []
        notes: list[str] = []
        evidence = Evidence(wish.start_us, wish.end_us, self._created_us) if wish.evidence else None
        for number, camera in enumerate(found):
            name = f"{camera}.mp4"
            begin = await self._sink.reserve(header_bytes(name))
            made = await self._part(camera, name, evidence, _share(self._report, number, len(found)))
            await self._close_entry(ZipEntry(name, made.size, made.crc, begin, self._made))
            notes += [f"{camera}: {made.note}"] if made.note else []
            parts.append({"name": name, "camera": camera, "title": dict(wish.names).get(camera, camera), "note": made.note})
        missing = [camera for camera in wish.cameras if camera not in found]
        notes += [f"{camera} has no footage in that span." for camera in missing]
        if evidence is not None:
            assert self._notary is not None
            for name, data in evidence.papers(self._notary, missing, dict(wish.names)):
                await self._file(name, data)
        else:
            await self._file("manifest.json", self._manifest(parts, missing))
        await self._sink.write(directory(self._entries, self._sink.size))
        return " ".join(notes)

    async def _part(self, camera: str, name: str, evidence: Evidence | None, report: Report) -> _Made:
        if evidence is None:
            return await self._mp4(camera, report)
        wish, sum_ = self._wish, _Sum()
        note = ""
        pieces = self._clips.recorded(camera, wish.start_us, wish.end_us)
        async with aclosing(pieces):  # type: ignore[type-var]
            async for piece in pieces:
                evidence.take(name, camera, piece)
                sum_.add(piece.data)
                await self._sink.write(piece.data)
                report(piece.share)
                note = note or piece.note
        return _Made(sum_.size, sum_.crc, note)

    async def _mp4(self, camera: str, report: Report) -> _Made:
        wish, sum_ = self._wish, _Sum()
        begin = await self._sink.reserve(FRONT_BYTES)
        tables: Mp4Tables | None = None
        note = ""
        pieces = self._clips.cut(camera, wish.start_us, wish.end_us, exact=wish.exact, speedup=wish.speedup)
        async with aclosing(pieces):  # type: ignore[type-var]
            async for piece in pieces:
                sum_.add(piece.data)
                await self._sink.write(piece.data)
                report(piece.share)
                tables, note = piece.tables or tables, note or piece.note
        assert tables is not None
        sum_.add(tables.tail)
        await self._sink.write(tables.tail)
        await self._sink.fill(begin, tables.front)
        return _Made(FRONT_BYTES + sum_.size, crc32_combine(crc32(tables.front), sum_.crc, sum_.size), note)

    async def _close_entry(self, entry: ZipEntry) -> None:
        await self._sink.fill(entry.offset, local_header(entry))
        self._entries.append(entry)

    async def _file(self, name: str, data: bytes) -> None:
        entry = ZipEntry(name, len(data), crc32(data), self._sink.size, self._made)
        await self._sink.write(local_header(entry) + data)
        self._entries.append(entry)

    def _manifest(self, parts: list[dict[str, Any]], missing: list[str]) -> bytes:
        wish = self._wish
        value = {
            "start": to_rfc3339(wish.start_us),
            "end": to_rfc3339(wish.end_us),
            "created": to_rfc3339(self._created_us),
            "exact": wish.exact and wish.speedup == 1,
            "speedup": wish.speedup,
            "files": parts,
            "without_footage": missing,
        }
        return json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class _Made:
    size: int
    crc: int
    note: str


class _Sum:
    """Size and CRC-32 of what goes by."""

    def __init__(self) -> None:
        self.size = self.crc = 0

    def add(self, data: bytes) -> None:
        self.size += len(data)
        self.crc = crc32(data, self.crc)


def _share(report: Report, number: int, count: int) -> Report:
    return lambda share: report((number + share) / count)
