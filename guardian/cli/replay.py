"""`guardian replay`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from guardian.cli._output import data_option, json_option
from guardian.cli._secret import SecretFile, passphrase_from
from guardian.model.errors import BadRequest, NotAVideo, NotFound, VaultLocked
from guardian.model.ids import is_camera_id
from guardian.model.time import from_rfc3339, to_rfc3339

if TYPE_CHECKING:
    from guardian.model.event import Event
    from guardian.processes.replay import Item, Outcome, Setting
    from guardian.services.replay_report import Report
    from guardian.settings.schema import Settings
    from guardian.vault.keyring import Keyring

CURRENT = "current"
NO_CAMERA = "file"  # what a file's camera is called where the settings have none
EXAMPLES = """Examples:

  guardian replay front 2026-11-23T08:00:00Z 2026-11-23T09:00:00Z

  guardian replay front@2026-11-23T08:00:00Z/2026-11-23T09:00:00Z --set event_min_score=0.6 --against current

  guardian replay visit.mp4 --config mine.toml --config other.toml --camera front --html report.html
"""


@dataclass(frozen=True, slots=True)
class Span:
    """A camera's recorded footage."""

    camera: str
    start_us: int
    end_us: int


@click.command(epilog=EXAMPLES)
@click.argument("source", metavar="FILE_OR_SPAN...", nargs=-1, required=True)
@click.option(
    "--config",
    "configs",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Settings to watch with, in place of DATA/config.toml; given twice, both are shown side by side.",
)
@click.option("--against", metavar="FILE", help=f"Settings to compare with; `{CURRENT}` for DATA/config.toml as it is.")
@click.option("--camera", metavar="ID", help="Whose settings to watch a file with.")
@click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a setting for this replay, such as event_min_score=0.6 (of the camera's `detect`) or detector.model=NAME.",
)
@click.option("--passphrase-file", type=SecretFile, help="File that holds the passphrase; - for standard input.")
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), metavar="REPORT", help="Draw a timeline into this file."
)
@data_option
@json_option
def replay(
    source: tuple[str, ...],
    configs: tuple[Path, ...],
    against: str | None,
    camera: str | None,
    sets: tuple[str, ...],
    passphrase_file: Path | None,
    html: Path | None,
    data: Path,
    as_json: bool,
) -> None:
    """Watch footage again, faster than real time, and show what would have happened. Changes nothing.

    FILE_OR_SPAN is a video file, or recorded footage: CAMERA START END (RFC 3339), or CAMERA@START/END. Recorded footage
    asks for the passphrase, stays in memory, and is compared with the events that did happen.
    """
    from guardian.cli._replay_report import check_target, show, write_html

    asked = _asked(source)
    if isinstance(asked, Span) and camera not in (None, asked.camera):
        raise BadRequest(
            f"the span is of {asked.camera}, --camera says {camera}", field="--camera", cure="Leave --camera out."
        )
    if html is not None:
        check_target(html, data)
    wanted = camera if isinstance(asked, Path) else asked.camera
    settings = _settings(data, configs, against, wanted, sets)
    told = (
        _of_file(asked, settings, data, as_json)
        if isinstance(asked, Path)
        else _of_span(asked, settings, data, passphrase_file, as_json)
    )
    if html is not None:
        write_html(html, told)
    show(told, as_json=as_json)


def _asked(source: tuple[str, ...]) -> Path | Span:
    if len(source) == 3:
        return _span(*source)
    if len(source) != 1:
        raise BadRequest(
            f"{len(source)} words are neither a file nor a span",
            field="FILE_OR_SPAN",
            cure="Give a video file, or CAMERA START END with times like 2026-11-23T08:00:00Z.",
        )
    path = Path(source[0])
    name, at, times = source[0].partition("@")
    start, slash, end = times.partition("/")
    if at and slash and not path.exists():
        return _span(name, start, end)
    if not path.exists():
        raise NotFound(
            f"there is no file {path}",
            field="FILE_OR_SPAN",
            cure="Give a video file, or recorded footage as CAMERA START END.",
        )
    return path


def _span(camera: str, start: str, end: str) -> Span:
    if not is_camera_id(camera):
        raise BadRequest(f"{camera!r} is no camera id", field="CAMERA", cure="a-z, 0-9, _ and -, at most 32 characters.")
    span = Span(camera, _time(start, "START"), _time(end, "END"))
    if span.end_us <= span.start_us:
        raise BadRequest("the end is not after the start", field="END", cure="Give an end that is later than the start.")
    return span


def _time(text: str, field: str) -> int:
    try:
        return from_rfc3339(text)
    except ValueError as error:
        raise BadRequest(
            str(error), field=field, cure="Write it like 2026-11-23T08:00:00Z or 2026-11-23T09:00:00+01:00."
        ) from error


# settings


def _settings(
    data: Path, configs: tuple[Path, ...], against: str | None, camera: str | None, sets: tuple[str, ...]
) -> list[Setting]:
    """Return the settings to watch with: what is compared against first, what is tried after it. `sets` change the last."""
    own = data / "config.toml"
    files: list[tuple[str, Path | None]] = [(str(path), path) for path in configs]
    if not files:
        files = [("config.toml", own if own.exists() else None)]
    if against == CURRENT:
        files.insert(0, (CURRENT, own if own.exists() else None))
    elif against is not None:
        files.insert(0, (against, Path(against)))
    last = len(files) - 1
    return [
        _setting(name, path, camera, sets if at == last else (), alone=len(files) == 1)
        for at, (name, path) in enumerate(files)
    ]


def _setting(name: str, path: Path | None, camera: str | None, sets: tuple[str, ...], *, alone: bool) -> Setting:
    from guardian.processes.replay import Setting
    from guardian.settings.load import read_table, refusal, validate
    from guardian.settings.override import overridden

    raw = read_table(path) if path is not None else {}
    shown = Path(name) if path is None else path
    before, faults = validate(raw)
    if before is None:
        raise refusal(shown, faults)
    chosen = _camera(before, camera, shown, known=path is not None)
    if chosen not in before.cameras:
        raw = {**raw, "cameras": {**raw.get("cameras", {}), chosen: {"kind": "file"}}}
    settings, faults = validate(overridden(raw, sets, chosen))
    if settings is None:
        raise BadRequest(f"{faults[0].field}: {faults[0].message}", field="--set", cure=faults[0].cure)
    if sets and not alone:
        name = f"{name} with {', '.join(sets)}"
    return Setting(name, chosen, settings)


def _camera(settings: Settings, camera: str | None, path: Path, *, known: bool) -> str:
    """Return whose settings are used. NotFound, BadRequest."""
    names = ", ".join(settings.cameras)
    if camera is not None:
        if known and camera not in settings.cameras:
            cure = f"It has: {names}." if names else "It has no cameras."
            raise NotFound(f"{path} has no camera {camera!r}", field="--camera", cure=cure)
        return camera
    if len(settings.cameras) > 1:
        raise BadRequest(
            f"{path} has several cameras", field="--camera", cure=f"Say with --camera whose settings to use: {names}."
        )
    return next(iter(settings.cameras), NO_CAMERA)


# footage


def _of_file(path: Path, settings: list[Setting], data: Path, quiet: bool) -> Report:
    from guardian.processes.replay import FILE_BEGINS_US, file_footage

    try:
        outcomes = _watch(file_footage(path, data, settings[-1].settings), settings, data, quiet)
    except NotAVideo as error:  # of a camera it is the device's fault; here somebody named the file
        raise BadRequest(error.message, field="FILE_OR_SPAN", cure=error.cure) from error
    return _report({"file": str(path), "camera": settings[-1].camera}, FILE_BEGINS_US, None, outcomes)


def _of_span(span: Span, settings: list[Setting], data: Path, passphrase_file: Path | None, quiet: bool) -> Report:
    from guardian.processes.replay import find_footage, sealed_footage, streams_to_watch
    from guardian.services.folder_footage import FolderFootage
    from guardian.vault.keyring import Keyring

    footage = FolderFootage(data)
    if span.camera not in footage.cameras():
        known = ", ".join(footage.cameras()) or "none"
        raise NotFound(
            f"there is no footage of a camera {span.camera!r}", field="CAMERA", cure=f"Cameras with footage: {known}."
        )
    streams = streams_to_watch(settings[-1].detect)
    playlist, segments = asyncio.run(find_footage(footage, span.camera, streams, span.start_us, span.end_us))
    happened = asyncio.run(_happened(data, span))
    keyring = Keyring.load(data / "vault")
    unlock(keyring, passphrase_file)
    try:
        outcomes = _watch(sealed_footage(playlist, segments, keyring), settings, data, quiet)
    finally:
        keyring.lock()
    said = {
        "camera": span.camera,
        "stream": playlist.stream,
        "start": to_rfc3339(span.start_us),
        "end": to_rfc3339(span.end_us),
    }
    return _report(said, span.start_us, happened, outcomes)


def unlock(keyring: Keyring, passphrase_file: Path | None) -> None:
    """Open the vault with a file's passphrase, or with one that is typed. VaultLocked where none is given."""
    try:
        passphrase = passphrase_from(passphrase_file)
    except click.Abort:
        raise VaultLocked(
            "the vault is locked, and no passphrase was given", cure="Type it, or name a file with --passphrase-file."
        ) from None
    keyring.unlock(passphrase)


async def _happened(data: Path, span: Span) -> list[Event] | None:
    """Return the events of the index in a span; None where there is no index."""
    from guardian.index.engine import INDEX_NAME, open_index
    from guardian.index.events import MAX_PAGE, EventRepository
    from guardian.model.event import EventQuery

    if not (data / INDEX_NAME).is_file():
        return None
    index = await open_index(data / INDEX_NAME)
    try:
        repository = EventRepository(index)
        cursor: str | None = None
        found: list[Event] = []
        while True:
            query = EventQuery(camera=span.camera, start_us=span.start_us, end_us=span.end_us, limit=MAX_PAGE, cursor=cursor)
            page, cursor = await repository.list(query)
            found += page
            if cursor is None:
                return found[::-1]
    finally:
        await index.close()


# watching


def _watch(footage: Iterator[Item], settings: list[Setting], data: Path, quiet: bool) -> list[Outcome]:
    from guardian.processes.replay import replay as watch_again

    def say(text: str) -> None:
        click.echo(text, err=True)

    bar: AbstractContextManager[Any] = nullcontext()
    if not quiet:
        bar = click.progressbar(length=1000, label="Watching", file=sys.stderr)
    with bar as shown:
        return watch_again(footage, settings, data, progress=_progress(shown), say=say)


def _progress(bar: Any) -> Callable[[float], None]:
    def show(share: float) -> None:
        if bar is not None and (step := int(share * bar.length) - bar.pos) > 0:
            bar.update(step)

    return show


def _report(source: dict[str, Any], start_us: int, happened: list[Event] | None, outcomes: list[Outcome]) -> Report:
    from guardian.services.replay_report import Cost, report

    found = []
    for one in outcomes:
        stats = one.replayed.stats
        assert stats is not None
        cost = Cost(
            frames=one.replayed.frames,
            decoded=stats.state.decoded,
            looked_at=stats.frames,
            looks=stats.looks,
            crops=stats.crops,
            decode_faults=stats.decode_faults,
            footage_s=one.footage_s,
            cpu_s_per_camera_minute=one.cpu_s_per_camera_minute,
            real_time_factor=one.real_time_factor,
        )
        found.append((one.setting.name, one.replayed.events, cost))
    return report(source, start_us, happened, found)
