"""`guardian index check|rebuild`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from guardian.cli._output import data_option, emit, json_option

if TYPE_CHECKING:
    from guardian.index.check import Checked
    from guardian.index.rebuild import Rebuilt
    from guardian.model.segment import SegmentRecord


@click.group(epilog="Examples:\n\n  guardian index check\n\n  guardian index rebuild")
def index() -> None:
    """Check or rebuild the index of recordings."""


@index.command("check", epilog="Example:\n\n  guardian index check --json")
@data_option
@json_option
def check_(data: Path, as_json: bool) -> None:
    """Compare the index with the files; changes nothing. Exits with 1 where something does not fit."""
    checked = asyncio.run(_check(data))
    if as_json:
        emit(
            {
                "ok": not checked.faults,
                "segments": checked.segments,
                "being_written": checked.being_written,
                "events_with_picture": checked.events,
                "items": [asdict(fault) for fault in checked.faults],
                "next": None,
            }
        )
    else:
        for fault in checked.faults:
            click.echo(f"{fault.path}: {fault.message}. {fault.cure}")
        found = f"{len(checked.faults)} faults" if checked.faults else "all is well"
        click.echo(f"{checked.segments} segments, {checked.being_written} being written: {found}.", err=bool(checked.faults))
    raise SystemExit(1 if checked.faults else 0)


@index.command("rebuild", epilog="Example:\n\n  guardian index rebuild")
@data_option
@json_option
def rebuild_(data: Path, as_json: bool) -> None:
    """Make the index of recordings anew from their files. Events, users and tokens stay; no passphrase is needed."""
    if not data.is_dir():
        from guardian.model.errors import NotFound

        raise NotFound(f"there is no folder {data}", cure="Pass the data folder with --data.")
    bar: AbstractContextManager[Any] = nullcontext() if as_json else click.progressbar(length=1, label="Reading segments")
    with bar as shown:
        done = asyncio.run(_rebuild(data, _progress(shown)))
    if as_json:
        items = [{"path": path, "message": message} for path, message in done.damaged]
        emit({"indexed": done.indexed, "forgotten": done.forgotten, "items": items, "next": None})
    else:
        for path, message in done.damaged:
            click.echo(f"{path}: left out: {message}", err=True)
        click.echo(f"{done.indexed} segments indexed, {done.forgotten} forgotten, {len(done.damaged)} left out.")
    raise SystemExit(1 if done.damaged else 0)


def _progress(bar: Any) -> Callable[[int, int], None]:
    def show(done: int, total: int) -> None:
        if bar is not None:
            bar.length = total
            bar.update(done - bar.pos)

    return show


def _read(path: Path, relative: str) -> SegmentRecord:
    from guardian.vault.scan import scan

    return scan(path).record(relative)


async def _check(data: Path) -> Checked:
    from guardian.index.check import check
    from guardian.index.engine import INDEX_NAME, open_index
    from guardian.model.errors import NotFound
    from guardian.platform.clock import SystemClock

    if not (data / INDEX_NAME).is_file() and not (data / "segments").is_dir():
        raise NotFound(f"there is no index and no footage in {data}", cure="Pass the data folder with --data.")
    index_file = await open_index(data / INDEX_NAME)
    try:
        now_s = SystemClock().now().utc_us / 1e6
        return await check(index_file, data / "segments", data / "pictures", _read, now_s)
    finally:
        await index_file.close()


async def _rebuild(data: Path, progress: Callable[[int, int], None]) -> Rebuilt:
    from guardian.cli._client import running_url
    from guardian.index.check import BEING_WRITTEN_S
    from guardian.index.engine import INDEX_NAME, open_index, put_aside
    from guardian.index.rebuild import rebuild
    from guardian.model.errors import Damaged
    from guardian.platform.clock import SystemClock

    now_s = SystemClock().now().utc_us / 1e6
    in_use_since_s = now_s - BEING_WRITTEN_S if running_url(data) is not None else None
    try:
        index_file = await open_index(data / INDEX_NAME)
    except Damaged as error:
        aside = put_aside(data)
        click.echo(f"{error.message}; put aside as {aside.name}. Events, users and tokens in it are lost.", err=True)
        index_file = await open_index(data / INDEX_NAME)
    try:
        return await rebuild(index_file, data / "segments", _read, progress, in_use_since_s=in_use_since_s)
    finally:
        await index_file.close()
