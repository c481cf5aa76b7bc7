"""Makes the rows of all segments anew from their files. Events, users and tokens stay: files do not know them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from guardian.index.engine import IndexFile
from guardian.index.recordings import Recordings
from guardian.model.errors import Damaged
from guardian.model.ids import is_uuid7
from guardian.model.segment import SegmentRecord

SUFFIX = ".pgs"
STEP = 500

# Describes a file, given where it is and its path below `segments/`; Damaged where it is none of ours.
ReadRecord = Callable[[Path, str], SegmentRecord]


@dataclass(slots=True)
class Rebuilt:
    """What a rebuild did. `damaged`: files that could not be read, with the reason."""

    indexed: int = 0
    forgotten: int = 0
    damaged: list[tuple[str, str]] = field(default_factory=list)


def segment_files(segments: Path) -> Iterator[str]:
    """Yield every segment file below a folder, as its path relative to it."""
    for path in sorted(segments.glob(f"*/*/*/*{SUFFIX}")):
        if is_uuid7(path.stem):
            yield "/".join(path.parts[-4:])


async def rebuild(
    index: IndexFile,
    segments: Path,
    read: ReadRecord,
    progress: Callable[[int, int], None] = lambda done, all_: None,
    *,
    in_use_since_s: float | None = None,
) -> Rebuilt:
    """Index every file anew, then forget rows that have none. Small transactions: the recorder may run beside it, which adds
    the files that it has open itself: unfinished ones written to after `in_use_since_s` (Unix time) are left to it.
    """
    recordings, done = Recordings(index), Rebuilt()
    files = await asyncio.to_thread(lambda: tuple(segment_files(segments)))
    seen: set[str] = set()
    for at in range(0, len(files), STEP):
        records = await asyncio.to_thread(_read_all, segments, files[at : at + STEP], read, done, in_use_since_s)
        await recordings.add(records)
        seen.update(record.header.segment_id for record in records)
        done.indexed += len(records)
        progress(min(at + STEP, len(files)), len(files))
    async for page in recordings.pages():
        gone = await asyncio.to_thread(_gone, segments, [one for one in page if one.header.segment_id not in seen])
        if gone:
            await recordings.forget(gone)
            done.forgotten += len(gone)
    return done


def _gone(segments: Path, records: Sequence[SegmentRecord]) -> list[str]:
    return [one.header.segment_id for one in records if one.local and not (segments / one.path).exists()]


def _read_all(
    segments: Path, paths: Sequence[str], read: ReadRecord, done: Rebuilt, in_use_since_s: float | None
) -> list[SegmentRecord]:
    records = []
    for path in paths:
        try:
            record = read(segments / path, path)
            if in_use_since_s is not None and not record.complete and (segments / path).stat().st_mtime > in_use_since_s:
                continue
        except FileNotFoundError:
            continue
        except (Damaged, OSError) as error:
            done.damaged.append((path, str(error)))
            continue
        if record.fragments:
            records.append(record)
    return records
