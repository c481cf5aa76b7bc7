"""`guardian index repair`."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from guardian.cli._output import data_option, emit, json_option

if TYPE_CHECKING:
    from guardian.index.engine import IndexFile
    from guardian.services.repair import Mend, Repaired

EXAMPLES = "Examples:\n\n  guardian index repair --dry-run\n\n  guardian index repair --prune"


@click.command("repair", epilog=EXAMPLES)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@click.option("--prune", is_flag=True, help="Take recordings and pictures whose file is gone out of the index too.")
@data_option
@json_option
def repair_(dry_run: bool, prune: bool, data: Path, as_json: bool) -> None:
    """Mend what `guardian index check --deep` finds, while Guardian does not run. Exits with 1 where something is left to mend.

    Torn ends are cut off, files that are not in the index are added, damaged files move to the folder `quarantine`. Nothing is
    deleted, and no passphrase is needed.
    """

    def told(mend: Mend) -> None:
        if not as_json:
            click.echo(f"{mend.action:7} {mend.path}: {mend.message}")

    done = asyncio.run(_repair(data, prune, dry_run, told, quiet=as_json))
    ok = not done.left and not (dry_run and done.mends)
    if as_json:
        mends, left = [asdict(mend) for mend in done.mends], [asdict(fault) for fault in done.left]
        emit({"ok": ok, "dry_run": dry_run, "mends": mends, "items": left, "next": None})
    else:
        for fault in done.left:
            click.echo(f"{fault.path}: {fault.message}. {fault.cure}", err=True)
        verb = "to do" if dry_run else "done"
        click.echo(f"{len(done.mends)} mends {verb}, {len(done.left)} faults left.", err=not ok)
    raise SystemExit(0 if ok else 1)


async def _repair(data: Path, prune: bool, dry_run: bool, told: Callable[[Mend], None], *, quiet: bool) -> Repaired:
    from guardian.index.engine import INDEX_NAME
    from guardian.model.errors import NotFound
    from guardian.platform.lock import exclusive
    from guardian.services.repair import repair

    if not (data / INDEX_NAME).is_file() and not (data / "segments").is_dir():
        raise NotFound(f"there is no index and no footage in {data}", cure="Pass the data folder with --data.")
    bar: AbstractContextManager[Any] = nullcontext() if quiet else click.progressbar(length=1, label="Reading files")
    async with _opened(data, dry_run) as index_file:
        with exclusive(data), bar as shown:
            return await repair(
                index_file, data, prune=prune, dry_run=dry_run, told=_after(shown, told), progress=_progress(shown)
            )


@asynccontextmanager
async def _opened(data: Path, dry_run: bool) -> AsyncIterator[IndexFile]:
    """Open the index; one that is damaged or gone is made anew, for a dry run elsewhere."""
    from guardian.index.engine import INDEX_NAME, open_index, put_aside
    from guardian.model.errors import Damaged
    from guardian.platform.lock import exclusive

    with exclusive(data):
        pass  # Conflict while Guardian runs, before anything is touched
    with tempfile.TemporaryDirectory(prefix="guardian-") as elsewhere:
        where = data / INDEX_NAME
        if dry_run and not where.is_file():
            where = Path(elsewhere) / INDEX_NAME
        try:
            index_file = await open_index(where)
        except Damaged as error:
            aside = None if dry_run else put_aside(data)
            done = "would be put aside" if aside is None else f"put aside as {aside.name}"
            click.echo(f"{error.message}; {done}. Events, users and tokens in it are lost.", err=True)
            index_file = await open_index(Path(elsewhere) / INDEX_NAME if dry_run else where)
        try:
            yield index_file
        finally:
            await index_file.close()


def _after(bar: Any, told: Callable[[Mend], None]) -> Callable[[Mend], None]:
    """Say mends on lines of their own, below the bar."""
    below = False

    def say(mend: Mend) -> None:
        nonlocal below
        if bar is not None and not below:
            bar.render_finish()
        below = True
        told(mend)

    return say


def _progress(bar: Any) -> Callable[[int, int, int, int], None]:
    def show(_files: int, _all_files: int, size: int, all_size: int) -> None:
        if bar is not None:
            bar.length = max(1, all_size)
            bar.update(size - bar.pos)

    return show
