"""`guardian archive status|verify|restore|kit`."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from guardian.cli._output import data_option, emit, json_option
from guardian.cli._secret import SecretFile, given, passphrase_from

if TYPE_CHECKING:
    from guardian.cli._archive_kit import Kit
    from guardian.interfaces import Archive
    from guardian.model.archive import ArchiveCheck, ArchiveRestored, ArchiveStatus
    from guardian.vault.keyring import Keyring

EXAMPLES = (
    "Examples:\n\n  guardian archive status\n\n  guardian archive kit /media/stick/archive-kit.json\n\n"
    "  guardian archive restore --kit /media/stick/archive-kit.json --data /srv/guardian"
)


@click.group(epilog=EXAMPLES)
def archive() -> None:
    """Look after the archive outside the house, and get footage back from it."""


@archive.command("status", epilog="Example:\n\n  guardian archive status --json")
@data_option
@json_option
def status_(data: Path, as_json: bool) -> None:
    """Say what is archived where, what it cost, and what waits. Asks no place."""
    found = asyncio.run(_status(data))
    if as_json:
        emit({**asdict(found), "states": dict(found.states), "places": [asdict(place) for place in found.places]})
        return
    if found.notice:
        click.secho(found.notice, fg="yellow")
    if found.held_back:
        click.secho(found.held_back, bold=True)
    click.echo(f"{found.verified} of {found.packs} packs verified in every place.")
    click.echo(f"{found.waiting} segments ({found.waiting_bytes / 1e6:.1f} MB) wait for a pack, {found.missed} were missed.")
    if found.next_cost:
        click.echo(f"Next to pay: {found.next_cost}.")
    for place in found.places:
        public = ", public for ever" if place.public else ""
        money = f", paid {place.paid}, {place.a_month} a month" if place.paid else ""
        click.echo(f"  {place.name} ({place.kind}{public}): {place.verified} of {place.copies} copies verified{money}")
        if place.problem:
            click.secho(f"    {place.problem}. {place.cure}".rstrip(), fg="red")


@archive.command("verify", epilog="Examples:\n\n  guardian archive verify\n\n  guardian archive verify --all")
@click.option("--all", "everything", is_flag=True, help="Fetch every part of every copy: all of the archive.")
@data_option
@json_option
def verify_(everything: bool, data: Path, as_json: bool) -> None:
    """Fetch random parts of every copy and compare them. Exits with 1 where one is not what it should be.

    What is lost is brought there again by the running Guardian.
    """
    checks: list[ArchiveCheck] = []

    def tell(check: ArchiveCheck) -> None:
        checks.append(check)
        if not as_json:
            click.echo(f"{check.place}: {check.pack}: {check.problem or f'{check.parts} parts are right'}")

    asyncio.run(_verify(data, everything, tell))
    bad = sum(bool(check.problem) for check in checks)
    if as_json:
        emit({"ok": not bad, "copies": len(checks), "items": [asdict(check) for check in checks], "next": None})
    else:
        click.echo(f"{len(checks)} copies looked at, {bad} with a problem.")
    raise SystemExit(1 if bad else 0)


@archive.command("kit", epilog="Example:\n\n  guardian archive kit /media/stick/archive-kit.json")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@data_option
@json_option
def kit_(file: Path, data: Path, as_json: bool) -> None:
    """Write what an empty machine needs to get footage back: wrapped keys, and where the archive is.

    Keep it where the machine is not, and not with the passphrase or the recovery code: together they open everything.
    """
    from guardian.cli._archive_kit import write_kit

    asyncio.run(write_kit(data, file, _opened))
    if as_json:
        emit({"file": str(file)})
    else:
        click.echo(
            f"{file}: with it and the passphrase, or the recovery code, `guardian archive restore --kit` works anywhere."
        )
        click.echo("Passwords and keys of places are not in it. Write a new one after `guardian vault rotate`.")


@archive.command("restore", epilog=EXAMPLES)
@click.option(
    "--kit", "kit_file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="File of `archive kit`."
)
@click.option("--passphrase-file", type=SecretFile, help="File that holds the passphrase; - for standard input.")
@click.option("--code-file", type=SecretFile, help="File that holds the recovery code; - for standard input.")
@data_option
@json_option
def restore_(kit_file: Path | None, passphrase_file: Path | None, code_file: Path | None, data: Path, as_json: bool) -> None:
    """Fetch all archived footage that is not in the data folder, and index it.

    On an empty machine with --kit; in a data folder that `guardian restore` made without. What places have it wrong, or are away,
    does not matter as long as one has it right. Exits with 1 where something could not be had.
    """
    from guardian.cli._archive_kit import read_kit, take_vault
    from guardian.model.errors import BadRequest

    if passphrase_file is not None and code_file is not None:
        raise BadRequest("give the passphrase or the recovery code", field="--code-file", cure="One of them, not both.")
    kit = read_kit(kit_file) if kit_file is not None else None
    data = data.absolute()
    keyring = take_vault(data, kit)
    if code_file is not None:
        keyring.unlock_with_code(given(code_file, "code"))
    else:
        keyring.unlock(passphrase_from(passphrase_file))
    try:
        done = asyncio.run(_restore(data, kit, keyring, quiet=as_json))
    finally:
        keyring.lock()
    indexed = _index(data)
    if as_json:
        emit({**asdict(done), "problems": list(done.problems), "indexed": indexed})
    else:
        for problem in done.problems:
            click.secho(problem, fg="red", err=True)
        foreign = f", {done.foreign} packs are of another vault" if done.foreign else ""
        click.echo(
            f"{done.segments} segments ({done.size_bytes / 1e6:.1f} MB) from {done.packs} packs{foreign}; {indexed} indexed."
        )
    raise SystemExit(1 if done.problems else 0)


def _opened(data: Path, kit: Kit | None = None) -> tuple[str, Archive]:
    """Return the plugin's name and its archive, with the settings of the data folder or else of a kit."""
    from guardian.cli._archive_kit import merged
    from guardian.model.errors import BadSetting, NotFound
    from guardian.pluginhost.registry import ContextMaker, PluginRegistry
    from guardian.settings.load import load

    if not data.is_dir():
        raise NotFound(f"there is no folder {data}", cure="Pass the data folder with --data.")
    settings = load(data).plugins
    if kit is not None:
        own = merged(kit.settings, settings.settings.get(kit.plugin, {}))
        settings = settings.model_copy(update={"settings": settings.settings | {kit.plugin: own}})
    registry = PluginRegistry(settings, ContextMaker(data))
    name = next(iter(sorted(registry.archives)), None)
    if name is None:
        broken = next((one for one in registry.entries if one.state == "failed"), None)
        reason = f" ({broken.found.name}: {broken.problem})" if broken is not None else ""
        raise BadSetting(f"no archive is set up{reason}", cure="Set up a place: see docs/howto/archive.md.")
    return registry.archives[name].plugin, registry.archive(name).open()


async def _status(data: Path) -> ArchiveStatus:
    _, opened = _opened(data)
    try:
        return await opened.status()
    finally:
        await opened.close()


async def _verify(data: Path, everything: bool, tell: Any) -> None:
    _, opened = _opened(data)
    try:
        await opened.verify(everything=everything, tell=tell)
    finally:
        await opened.close()


async def _restore(data: Path, kit: Kit | None, keyring: Keyring, *, quiet: bool) -> ArchiveRestored:
    plugin, opened = _opened(data, kit)

    def open_key(sealed: bytes) -> bytes:
        return keyring.open_plugin_key(sealed, plugin)

    def tell(what: str) -> None:
        if not quiet:
            click.echo(what, err=True)

    try:
        return await opened.restore(data / "segments", open_key, tell, kit.notes if kit is not None else {})
    finally:
        await opened.close()


def _index(data: Path) -> int:
    from guardian.cli.index import rebuild_index

    return asyncio.run(rebuild_index(data, lambda _done, _all: None)).indexed
