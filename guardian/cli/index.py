"""`guardian index check|repair|rebuild`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from guardian.cli._index_repair import repair_
from guardian.cli._output import data_option, emit, json_option
from guardian.cli._secret import SecretFile, passphrase_from

if TYPE_CHECKING:
    from guardian.index.check import Checked
    from guardian.index.rebuild import Rebuilt
    from guardian.model.segment import SegmentRecord
    from guardian.services.deep_check import DeepChecked
    from guardian.vault.keyring import Keyring


@click.group(epilog="Examples:\n\n  guardian index check\n\n  guardian index rebuild")
def index() -> None:
    """Check, repair or rebuild the index of recordings."""


index.add_command(repair_)


@index.command(
    "check", epilog="Examples:\n\n  guardian index check --json\n\n  guardian index check --deep --open --rate 20"
)
@click.option(
    "--deep", is_flag=True, help="Read every file to its last byte, pictures and exports too; needs no passphrase."
)
@click.option("--open", "open_all", is_flag=True, help="Open every record with the passphrase as well. Means --deep.")
@click.option("--passphrase-file", type=SecretFile, help="File that holds the passphrase; - for standard input.")
@click.option("--rate", type=click.FloatRange(min=0.1), help="Read at most this many MB a second (with --deep).")
@data_option
@json_option
def check_(deep: bool, open_all: bool, passphrase_file: Path | None, rate: float | None, data: Path, as_json: bool) -> None:
    """Compare the index with the files; changes nothing. Exits with 1 where something does not fit.

    The recorder may run: files that it is writing are judged as far as they are whole.
    """
    keyring = _unlocked(data, passphrase_file) if open_all or passphrase_file is not None else None
    try:
        checked, deeper = asyncio.run(_check(data, deep or keyring is not None, keyring, rate, quiet=as_json))
    finally:
        if keyring is not None:
            keyring.lock()
    faults = checked.faults if deeper is None else (*checked.faults, *deeper.faults)
    if as_json:
        looked = {} if deeper is None else {"files": deeper.files, "bytes": deeper.size_bytes, "opened": keyring is not None}
        emit(
            {
                "ok": not faults,
                "segments": checked.segments,
                "being_written": checked.being_written,
                "events_with_picture": checked.events,
                **looked,
                "items": [asdict(fault) for fault in faults],
                "next": None,
            }
        )
    else:
        for fault in faults:
            click.echo(f"{fault.path}: {fault.message}. {fault.cure}")
        found = f"{len(faults)} faults" if faults else "all is well"
        click.echo(f"{checked.segments} segments, {checked.being_written} being written: {found}.", err=bool(faults))
        if faults:
            click.echo("`guardian index repair` mends what can be mended, once Guardian is stopped.", err=True)
    raise SystemExit(1 if faults else 0)


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
        done = asyncio.run(rebuild_index(data, _progress(shown)))
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


async def _check(
    data: Path, deep: bool, keyring: Keyring | None, rate: float | None, *, quiet: bool
) -> tuple[Checked, DeepChecked | None]:
    from guardian.index.check import check
    from guardian.index.engine import INDEX_NAME, open_index
    from guardian.model.errors import NotFound
    from guardian.platform.clock import SystemClock
    from guardian.services.deep_check import deep_check

    if not (data / INDEX_NAME).is_file() and not (data / "segments").is_dir():
        raise NotFound(f"there is no index and no footage in {data}", cure="Pass the data folder with --data.")
    index_file = await open_index(data / INDEX_NAME)
    try:
        now_s = SystemClock().now().utc_us / 1e6
        checked = await check(index_file, data / "segments", data / "pictures", _read, now_s)
        if not deep:
            return checked, None
        _step_back()
        bar: AbstractContextManager[Any] = nullcontext() if quiet else click.progressbar(length=1, item_show_func=str)
        with bar as shown:
            pace, progress = _paced(rate), _files_progress(shown)
            return checked, await deep_check(index_file, data, now_s, keyring=keyring, pace=pace, progress=progress)
    finally:
        await index_file.close()


def _unlocked(data: Path, passphrase_file: Path | None) -> Keyring:
    from guardian.vault.keyring import Keyring

    keyring = Keyring.load(data / "vault")
    keyring.unlock(passphrase_from(passphrase_file))
    return keyring


def _step_back() -> None:
    """Let the recorder have the processor and the disk first."""
    import os

    import psutil

    with suppress(psutil.Error, OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, 0, 10)
        psutil.Process().ionice(psutil.IOPRIO_CLASS_IDLE)


def _paced(rate: float | None) -> Callable[[int], None]:
    """Return what waits so that no more than `rate` MB a second are read."""
    from guardian.platform.clock import SystemClock, wait

    clock = SystemClock()
    start_s, read = clock.mono_s(), 0

    def pace(size: int) -> None:
        nonlocal read
        read += size
        if rate is not None:
            wait(max(0.0, start_s + read / (rate * 1e6) - clock.mono_s()))

    return pace


def _files_progress(bar: Any) -> Callable[[int, int, int, int], None]:
    def show(files: int, all_files: int, size: int, all_size: int) -> None:
        if bar is not None:
            bar.length = max(1, all_size)
            bar.update(size - bar.pos, f"{files} of {all_files} files, {size / 1e6:.0f} of {all_size / 1e6:.0f} MB")

    return show


async def rebuild_index(data: Path, progress: Callable[[int, int], None]) -> Rebuilt:
    """Make the index of a data folder anew. Guardian may run."""
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
