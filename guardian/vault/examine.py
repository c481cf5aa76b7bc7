"""Examines a sealed file to the last byte: without a key every checksum and the footer, with one every seal and what it held."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from guardian.media.fmp4_read import fragment_info, timescales
from guardian.media.fmp4_write import VIDEO_TRACK
from guardian.model.errors import Damaged
from guardian.model.segment import ContentKind, FragmentMeta
from guardian.vault.checksum import crc32
from guardian.vault.format import RECORD_HEAD, parse_record_head
from guardian.vault.keyring import Keyring
from guardian.vault.reader import SegmentReader
from guardian.vault.scan import ScannedSegment, scan

JPEG = b"\xff\xd8\xff"
Pace = Callable[[int], None]  # told how many bytes were read; may wait


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a file. `kind` is a stable word for programs."""

    kind: str
    message: str


def examine(path: Path, *, growing: bool = False, keyring: Keyring | None = None, pace: Pace = lambda _: None) -> list[Flaw]:
    """Return every flaw of a file. `growing`: a recorder writes to it, so that it may end anywhere.

    With an unlocked keyring each record is opened and parsed too. FileNotFoundError where it was deleted meanwhile.
    """
    for _ in range(2):
        before = _state(path)
        flaws = list(_flaws(path, growing, keyring, pace))
        if not flaws or _state(path) == before:
            return flaws
    return flaws if not growing else []  # a file that changes under our eyes is judged by the next check


def _state(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _flaws(path: Path, growing: bool, keyring: Keyring | None, pace: Pace) -> Iterator[Flaw]:
    try:
        scanned = scan(path)
    except Damaged as error:
        yield Flaw("damaged", f"the file cannot be read: {error}")
        return
    yield from _misplaced(path, scanned)
    yield from _checksums(path, scanned, pace)
    if not scanned.complete:
        yield from _ending(path, scanned, growing)
    if keyring is not None:
        yield from _seals(path, scanned, keyring)


def _misplaced(path: Path, scanned: ScannedSegment) -> Iterator[Flaw]:
    """A header that says another name, or another place, than the file has was copied there."""
    header = scanned.header
    parts = {
        ContentKind.VIDEO: (header.camera, header.stream, header.segment_id),
        ContentKind.PICTURE: (header.camera, header.run_id),
        ContentKind.EXPORT: (header.segment_id,),
    }.get(header.kind, ())
    kinds = {".pgs": ContentKind.VIDEO, ".pgp": ContentKind.PICTURE, ".pgx": ContentKind.EXPORT}
    folders = path.parts[-4:-2] if header.kind is ContentKind.VIDEO else path.parts[-3:-2]
    place = (path.stem,) if header.kind is ContentKind.EXPORT else (*folders, path.stem)
    if kinds.get(path.suffix) is not header.kind or parts != place:
        yield Flaw("misplaced", "the header is of another file: it was moved or exchanged")


def _checksums(path: Path, scanned: ScannedSegment, pace: Pace) -> Iterator[Flaw]:
    with path.open("rb") as file:
        for row in scanned.table:
            file.seek(row.offset)
            data = file.read(row.size)
            pace(len(data))
            if (flaw := _fault_of(data, row)) is not None:
                yield flaw
        if scanned.complete and scanned.table:
            last = scanned.table[-1]
            file.seek(last.offset + last.size)
            end = file.read(RECORD_HEAD.size)
            head = parse_record_head(end)
            if crc32(file.read(head.size)) != head.crc32:
                yield Flaw("damaged", "the end record does not fit its checksum")


def _fault_of(data: bytes, row: FragmentMeta) -> Flaw | None:
    try:
        head = parse_record_head(data)
    except Damaged:
        return Flaw("damaged", f"record {row.index} is none")
    if head.row(row.offset) != row:
        return Flaw("table", f"record {row.index} and the fragment table differ")
    if crc32(memoryview(data)[RECORD_HEAD.size :]) != head.crc32:
        return Flaw("damaged", f"record {row.index} does not fit its checksum")
    return None


def _ending(path: Path, scanned: ScannedSegment, growing: bool) -> Iterator[Flaw]:
    last = scanned.table[-1] if scanned.table else None
    records_end = last.offset + last.size if last is not None else scanned.parsed.size
    if scanned.whole_bytes > records_end:
        yield Flaw("footer", "the fragment table at its end is missing or is not that of the records")
    elif not growing and (torn := path.stat().st_size - scanned.whole_bytes) > 0:
        yield Flaw("torn", f"its last {torn} bytes are no whole record")
    elif not growing and len(scanned.table) < 2 and scanned.header.kind is ContentKind.VIDEO:
        yield Flaw("empty", "it holds no footage")
    elif not growing and scanned.header.kind is not ContentKind.VIDEO:
        yield Flaw("torn", "its end is missing")


def _seals(path: Path, scanned: ScannedSegment, keyring: Keyring) -> Iterator[Flaw]:
    try:
        with SegmentReader(path, keyring) as reader:
            if scanned.complete and not reader.table_is_sealed():
                yield Flaw("seal", "the fragment table is not the one that was sealed")
            for row in reader.table:
                try:
                    _parse(scanned.header.kind, row, reader.read(row.index))
                except Damaged as error:
                    yield Flaw("seal", f"record {row.index}: {error.message}")
    except Damaged as error:
        yield Flaw("seal", error.message)


def _parse(kind: ContentKind, row: FragmentMeta, content: bytes) -> None:
    """Damaged where an opened record holds something else than its row says."""
    if kind is ContentKind.PICTURE and not content.startswith(JPEG):
        raise Damaged("it holds no picture")
    if kind is not ContentKind.VIDEO:
        return
    if row.index == 0:
        if VIDEO_TRACK not in timescales(content):
            raise Damaged("the init segment has no picture track")
        return
    run = fragment_info(content).tracks.get(VIDEO_TRACK)
    frames = run.samples if run is not None else 0
    if frames != row.video_frames:
        raise Damaged(f"it holds {frames} frames, the fragment table says {row.video_frames}")
