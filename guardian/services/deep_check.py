"""Looks into every sealed file of a data folder, and for files that belong to nothing. Changes nothing; the recorder may run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from guardian.index.check import BEING_WRITTEN_S, IndexFault
from guardian.index.engine import IndexFile
from guardian.index.events import EventRepository
from guardian.model.errors import Damaged
from guardian.vault.examine import Flaw, examine
from guardian.vault.keyring import Keyring

PLACES = (("segments", ".pgs"), ("pictures", ".pgp"), ("exports", ".pgx"))
LEFT_OVER = ("exports/*.part", ".*.new", "vault/.*.new", "exports/.*.new", "pictures/*/*/.*.new")
RESTORE = "Restore it from a copy, or delete it."
CURES = {
    "torn": "What precedes them plays; restore the rest from a copy if you have one.",
    "footer": "Its records are read without it; restore it from a copy if you have one.",
    "empty": "Delete it.",
}

# Files done, files in all, bytes done, bytes in all.
Progress = Callable[[int, int, int, int], None]


@dataclass(frozen=True, slots=True)
class DeepChecked:
    """What was looked into and found."""

    files: int
    size_bytes: int
    faults: tuple[IndexFault, ...]


async def deep_check(
    index: IndexFile,
    data: Path,
    now_s: float,
    *,
    keyring: Keyring | None = None,
    pace: Callable[[int], None] = lambda _: None,
    progress: Progress = lambda *_: None,
) -> DeepChecked:
    """Examine every file; with an unlocked keyring, open every record. `now_s`: Unix time."""
    checked = await asyncio.to_thread(_files, data, now_s, keyring, pace, progress)
    strays = await _orphans(index, data / "pictures", now_s)
    strays += await asyncio.to_thread(lambda: list(_left_over(data, now_s)))
    return DeepChecked(checked.files, checked.size_bytes, (*checked.faults, *strays))


def sealed_files(data: Path) -> Iterator[tuple[Path, int]]:
    """Yield every sealed file below a data folder, with its size."""
    for place, suffix in PLACES:
        for path in sorted((data / place).rglob(f"*{suffix}")):
            try:
                yield path, path.stat().st_size
            except FileNotFoundError:
                continue


def _files(
    data: Path, now_s: float, keyring: Keyring | None, pace: Callable[[int], None], progress: Progress
) -> DeepChecked:
    files = list(sealed_files(data))
    total, done = sum(size for _, size in files), 0
    faults: list[IndexFault] = []
    for number, (path, size) in enumerate(files, start=1):
        faults += (_fault(path.relative_to(data), flaw) for flaw in _examined(path, now_s, keyring, pace))
        done += size
        progress(number, len(files), done, total)
    return DeepChecked(len(files), total, tuple(faults))


def _examined(path: Path, now_s: float, keyring: Keyring | None, pace: Callable[[int], None]) -> list[Flaw]:
    try:
        return examine(path, growing=_recent(path, now_s), keyring=keyring, pace=pace)
    except FileNotFoundError:
        return []  # retention deleted it while we looked
    except Damaged as error:
        return [Flaw("damaged", error.message)]
    except OSError as error:
        return [Flaw("unreadable", f"the disk does not give it: {error.strerror}")]


def _recent(path: Path, now_s: float) -> bool:
    return now_s - path.stat().st_mtime < BEING_WRITTEN_S


def _fault(path: Path, flaw: Flaw) -> IndexFault:
    return IndexFault(flaw.kind, path.as_posix(), flaw.message, CURES.get(flaw.kind, RESTORE))


async def _orphans(index: IndexFile, pictures: Path, now_s: float) -> list[IndexFault]:
    """Pictures that no event names; a new one may be there before its event is."""
    found = await asyncio.to_thread(lambda: [p for p in pictures.rglob("*.pgp") if not _gone_or_recent(p, now_s)])
    named = {path for _, path in await EventRepository(index).pictures()}
    return [
        IndexFault("orphan_picture", f"pictures/{name}", "no event has this picture", "Delete it.")
        for name in (path.relative_to(pictures).as_posix() for path in sorted(found))
        if name not in named
    ]


def _left_over(data: Path, now_s: float) -> Iterator[IndexFault]:
    for pattern in LEFT_OVER:
        for path in sorted(data.glob(pattern)):
            if not _gone_or_recent(path, now_s):
                name = path.relative_to(data).as_posix()
                yield IndexFault("left_over", name, "a temporary file was left behind", "Delete it.")


def _gone_or_recent(path: Path, now_s: float) -> bool:
    try:
        return _recent(path, now_s)
    except FileNotFoundError:
        return True
