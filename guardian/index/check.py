"""Compares the index with the files, and says what does not fit. Changes nothing; needs no key; the recorder may run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import sqlalchemy as sa

from guardian.index.engine import REBUILD, IndexFile
from guardian.index.events import EventRepository
from guardian.index.rebuild import SUFFIX, ReadRecord, segment_files
from guardian.index.recordings import Recordings
from guardian.model.errors import Damaged
from guardian.model.segment import SegmentRecord

STEP = 500
BEING_WRITTEN_S = 120.0  # an unfinished file that was written to this recently belongs to a recorder that runs


@dataclass(frozen=True, slots=True)
class IndexFault:
    """One thing that does not fit. `kind` is a stable word for programs, `path` the file that it is about."""

    kind: str
    path: str
    message: str
    cure: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check looked at and found."""

    segments: int
    being_written: int
    events: int
    faults: tuple[IndexFault, ...]


async def check(index: IndexFile, segments: Path, pictures: Path, read: ReadRecord, now_s: float) -> Checked:
    """Check the database itself, every row against its file, and every file against its row. `now_s`: Unix time."""
    recordings = Recordings(index)
    faults = await _database(index)
    rows = 0
    async for page in recordings.pages(STEP):
        rows += len(page)
        faults += await _confirmed(recordings, await asyncio.to_thread(_check_rows, segments, page, read))
    files = await asyncio.to_thread(lambda: tuple(segment_files(segments)))
    written = 0
    for some in (files[at : at + STEP] for at in range(0, len(files), STEP)):
        missed = await _unknown(recordings, some)
        found = await asyncio.to_thread(_check_missed, segments, missed, read, now_s)
        written += sum(fault is None for fault in found)
        faults += [fault for fault in found if fault is not None and fault.path in await _unknown(recordings, missed)]
    events, lost = await _pictures(index, pictures)
    return Checked(rows, written, events, tuple(faults + lost))


async def _database(index: IndexFile) -> list[IndexFault]:
    async with index.read() as connection:
        answers = (await connection.execute(sa.text("PRAGMA integrity_check(20)"))).scalars().all()
    return [IndexFault("database", index.path.name, str(answer), REBUILD) for answer in answers if answer != "ok"]


def _check_rows(segments: Path, page: Sequence[SegmentRecord], read: ReadRecord) -> list[tuple[str, IndexFault]]:
    found = []
    for row in page:
        if not row.local:  # a tier has it
            continue
        fault = _check_row(segments, row, read)
        if fault is not None:
            found.append((row.header.segment_id, fault))
    return found


def _check_row(segments: Path, row: SegmentRecord, read: ReadRecord) -> IndexFault | None:
    try:
        size = (segments / row.path).stat().st_size
        record = read(segments / row.path, row.path)
    except FileNotFoundError:
        return IndexFault("file_missing", row.path, "the index knows it, but there is no such file", REBUILD)
    except (Damaged, OSError) as error:
        return IndexFault("damaged", row.path, f"the file cannot be read: {error}", "Restore it from a copy, or delete it.")
    if row.complete and not record.complete:
        return IndexFault("cut_off", row.path, "the file was whole once and has lost its end", REBUILD)
    if size < row.size_bytes:
        return IndexFault("cut_off", row.path, f"the file has {size} bytes, the index says {row.size_bytes}", REBUILD)
    if replace(record, duration_90k=row.duration_90k) != row:  # a file knows its footage, a row may count a pause in it
        return IndexFault("differs", row.path, "the index says something else than the file", REBUILD)
    return None


async def _confirmed(recordings: Recordings, found: Sequence[tuple[str, IndexFault]]) -> list[IndexFault]:
    """Leave out rows that retention deleted while we looked."""
    still = await recordings.known([segment_id for segment_id, _ in found])
    return [fault for segment_id, fault in found if segment_id in still]


async def _unknown(recordings: Recordings, paths: Sequence[str]) -> list[str]:
    ids = {path: path.rpartition("/")[2].removesuffix(SUFFIX) for path in paths}
    known = await recordings.known(list(ids.values()))
    return [path for path in paths if ids[path] not in known]


def _check_missed(segments: Path, paths: Sequence[str], read: ReadRecord, now_s: float) -> list[IndexFault | None]:
    """Faults of files without a row; None for one that is being written."""
    found: list[IndexFault | None] = []
    for path in paths:
        try:
            age_s = now_s - (segments / path).stat().st_mtime
            complete = read(segments / path, path).complete
        except FileNotFoundError:
            continue
        except (Damaged, OSError) as error:
            found.append(
                IndexFault("damaged", path, f"the file cannot be read: {error}", "Restore it from a copy, or delete it.")
            )
            continue
        if complete and age_s > 5.0:
            found.append(IndexFault("not_indexed", path, "the file is not in the index", REBUILD))
        elif not complete and age_s > BEING_WRITTEN_S:
            cure = "Start Guardian, which mends it, or run `guardian index rebuild`."
            found.append(IndexFault("not_indexed", path, "the file was cut off and is not in the index", cure))
        else:
            found.append(None)
    return found


async def _pictures(index: IndexFile, pictures: Path) -> tuple[int, list[IndexFault]]:
    repository = EventRepository(index)
    named = await repository.pictures()
    missing = await asyncio.to_thread(lambda: [pair for pair in named if not (pictures / pair[1]).is_file()])
    faults = []
    for some in (missing[at : at + STEP] for at in range(0, len(missing), STEP)):
        still = await repository.known([event_id for event_id, _ in some])
        faults += [
            IndexFault(
                "picture_missing", path, f"the picture of event {event_id} is gone", "Restore it, or delete the event."
            )
            for event_id, path in some
            if event_id in still
        ]
    return len(named), faults
