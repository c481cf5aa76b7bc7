"""Mends what the checks find, in a data folder that no Guardian uses. Nothing is deleted: what does not fit moves to `quarantine/`.

Each mend is whole or not begun: whoever is killed in the middle runs it again. The row goes before its file, the file is
mended before its row is written.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from guardian.index.check import IndexFault, check
from guardian.index.engine import IndexFile
from guardian.index.events import EventRepository
from guardian.index.recordings import Recordings
from guardian.model.errors import GuardianError
from guardian.platform.files import make_private_dir, sync_dir
from guardian.services.deep_check import Progress, deep_check
from guardian.vault.mend import is_ended, mend_end
from guardian.vault.scan import scan

QUARANTINE = "quarantine"
SEGMENT = ".pgs"
_WITH_PRUNE = "Restore it from a copy, or take it out of the index with --prune."

_AGAIN = "Mend what stands in its way, and run it again."


class Action(StrEnum):
    """What is done about a fault; a stable word for programs."""

    REINDEX = "reindex"  # SQLite's look-up tables are made anew
    TRIM = "trim"  # the torn end of a file is cut off, a bad footer written again, the file indexed
    INDEX = "index"  # the row is written from the file
    ASIDE = "aside"  # the file moves to quarantine/
    FORGET = "forget"  # what has no file goes out of the index


@dataclass(frozen=True, slots=True)
class Mend:
    """One thing that is done, about a path below the data folder. `message`: why."""

    action: Action
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Repaired:
    """What was done (or would be), and what is left."""

    mends: tuple[Mend, ...]
    left: tuple[IndexFault, ...]


async def repair(
    index: IndexFile,
    data: Path,
    *,
    prune: bool = False,
    dry_run: bool = False,
    told: Callable[[Mend], None] = lambda _: None,
    progress: Progress = lambda *_: None,
) -> Repaired:
    """Check everything, mend it, and say what is left. The caller holds the data folder's lock. `told` hears of each mend."""
    faults = await _faults(index, data, progress)
    mends, left = await asyncio.to_thread(_plan, data, faults, prune)
    work = _Work(index, data)
    for mend in mends:
        told(mend)
        if dry_run:
            continue
        try:
            await work.do(mend)
        except (OSError, GuardianError) as error:
            left.append(IndexFault("not_mended", mend.path, f"it could not be mended: {error}", _AGAIN))
    if any(mend.action is Action.REINDEX for mend in mends) and not dry_run:
        left += [fault for fault in await _faults(index, data) if fault.kind == "database"]
    return Repaired(tuple(mends), tuple(left))


async def _faults(index: IndexFile, data: Path, progress: Progress = lambda *_: None) -> list[IndexFault]:
    """Every fault, with paths below the data folder. Nobody writes, so that no file is taken for one that is being written."""
    found = await check(index, data / "segments", data / "pictures", lambda path, rel: scan(path).record(rel), math.inf)
    deeper = await deep_check(index, data, math.inf, progress=progress)
    return [*(replace(fault, path=_below_data(fault)) for fault in found.faults), *deeper.faults]


def _below_data(fault: IndexFault) -> str:
    if fault.kind == "database":
        return fault.path
    return f"pictures/{fault.path}" if fault.kind == "picture_missing" else f"segments/{fault.path}"


def _plan(data: Path, faults: Iterable[IndexFault], prune: bool) -> tuple[list[Mend], list[IndexFault]]:
    """At most one mend a path; what is left over cannot be mended."""
    by_path: dict[str, list[IndexFault]] = {}
    for fault in faults:
        by_path.setdefault(fault.path, []).append(fault)
    mends: list[Mend] = []
    left: list[IndexFault] = []
    for path, found in by_path.items():
        kinds = {fault.kind for fault in found}
        action = _action(data / path, kinds, prune)
        if action is None:
            missing = kinds & {"file_missing", "picture_missing"}
            left += [replace(fault, cure=_WITH_PRUNE) if missing else fault for fault in found]
        else:
            told = next((fault for fault in found if fault.kind not in ("not_indexed", "differs", "cut_off")), found[0])
            mends.append(Mend(action, path, told.message))
    return mends, left


def _action(path: Path, kinds: set[str], prune: bool) -> Action | None:
    if "unreadable" in kinds:
        return None  # the disk may give it another day, or the rights are wrong: to move it would help nobody
    if kinds & {"file_missing", "picture_missing"}:
        return Action.FORGET if prune else None
    if "database" in kinds:
        return Action.REINDEX
    if kinds & {"damaged", "misplaced", "empty", "orphan_picture", "left_over"}:
        return Action.ASIDE
    if kinds & {"torn", "footer", "table"}:
        return Action.TRIM if _keeps_something(path, kinds) else Action.ASIDE
    return Action.INDEX


def _keeps_something(path: Path, kinds: set[str]) -> bool:
    """Whether the file holds footage once its end is cut; a picture or an export without its end is none."""
    if "torn" not in kinds:
        return is_ended(path)
    return path.suffix == SEGMENT and len(scan(path).table) > 1


class _Work:
    """Does the mends."""

    def __init__(self, index: IndexFile, data: Path) -> None:
        self._index, self._data = index, data
        self._recordings, self._events = Recordings(index), EventRepository(index)
        self._by: dict[Action, Callable[[str], Awaitable[None]]] = {
            Action.REINDEX: lambda _: self._index.reindex(),
            Action.TRIM: self._trim,
            Action.INDEX: self._index_file,
            Action.ASIDE: self._aside,
            Action.FORGET: self._forget,
        }

    async def do(self, mend: Mend) -> None:
        await self._by[mend.action](mend.path)

    async def _trim(self, path: str) -> None:
        tail = _free(self._data / QUARANTINE / f"{path}.tail")
        await asyncio.to_thread(mend_end, self._data / path, tail)
        if path.endswith(SEGMENT):
            await self._index_file(path)

    async def _index_file(self, path: str) -> None:
        record = await asyncio.to_thread(lambda: scan(self._data / path).record(path.removeprefix("segments/")))
        await self._recordings.add([record])

    async def _aside(self, path: str) -> None:
        await self._forget(path)
        await asyncio.to_thread(_move, self._data / path, _free(self._data / QUARANTINE / path))

    async def _forget(self, path: str) -> None:
        place, _, below = path.partition("/")
        if place == "segments":
            row = await self._recordings.get(Path(below).stem)
            if row is not None and row.path == below and row.local:
                await self._recordings.forget([row.header.segment_id])
        elif place == "pictures":
            named = [event_id for event_id, picture in await self._events.pictures() if picture == below]
            await self._events.forget_pictures(named)


def _free(path: Path) -> Path:
    """Return a name that nothing has: what was put aside before stays."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}.{number}")
    return free


def _move(path: Path, to: Path) -> None:
    make_private_dir(to.parent)
    path.rename(to)
    sync_dir(to.parent)
    sync_dir(path.parent)
