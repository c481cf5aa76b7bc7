"""`guardian tune`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from guardian.cli._output import data_option, emit, json_option
from guardian.cli._secret import SecretFile
from guardian.model.errors import BadRequest, NotFound
from guardian.model.time import SECOND_US, from_rfc3339, to_rfc3339

if TYPE_CHECKING:
    from guardian.model.event import Event, Judged
    from guardian.services.tuning import Advice
    from guardian.settings.schema import Settings
    from guardian.vault.keyring import Keyring

BEFORE_US = 12 * SECOND_US  # watching looks at everything for the first ten seconds: the event must not begin in them
AFTER_US = 6 * SECOND_US
EXAMPLES = """Examples:

  guardian tune

  guardian tune --camera front --since 2026-11-01T00:00:00Z --unlock

  guardian tune --passphrase-file secret --apply
"""


@dataclass(frozen=True, slots=True)
class Tried:
    """What a replay of judged events' footage said of a proposal. `right`, `wrong`: how many had footage."""

    right: int = 0
    kept: int = 0
    wrong: int = 0
    dropped: int = 0


@click.command(epilog=EXAMPLES)
@click.option("--camera", metavar="ID", help="Only this camera.")
@click.option("--since", metavar="TIME", help="Only events since then (RFC 3339).")
@click.option("--unlock", is_flag=True, help="Ask for the passphrase: sizes and places count too, and footage is replayed.")
@click.option("--passphrase-file", type=SecretFile, help="File that holds the passphrase; means --unlock.")
@click.option(
    "--replays",
    type=click.IntRange(0, 1000),
    default=20,
    show_default=True,
    metavar="N",
    help="Replay at most so many of the newest judged events of a camera with the proposal, once unlocked.",
)
@click.option("--apply", "apply_", is_flag=True, help="Write what is proposed into DATA/config.toml.")
@data_option
@json_option
def tune(
    camera: str | None,
    since: str | None,
    unlock: bool,
    passphrase_file: Path | None,
    replays: int,
    apply_: bool,
    data: Path,
    as_json: bool,
) -> None:
    """Propose thresholds from your thumbs up and down on events. Changes nothing without --apply."""
    from guardian.index.engine import INDEX_NAME
    from guardian.services.tuning import advise
    from guardian.settings.load import load

    if not (data / INDEX_NAME).is_file():
        raise NotFound(f"there is no index in {data}", field="--data", cure="Pass the data folder with --data.")
    since_us = _time(since)
    settings = load(data)
    keyring = _keyring(data, passphrase_file) if unlock or passphrase_file is not None else None
    try:
        judged = asyncio.run(_judged(data, camera, since_us))
        advice = advise(judged, _opened(judged, keyring), settings, camera)
        tried = [_try(data, one, settings, keyring, replays, as_json) for one in advice]
    finally:
        if keyring is not None:
            keyring.lock()
    backup = _apply(data, advice) if apply_ else None
    changed = apply_ and any(one.changes for one in advice)
    if as_json:
        _emit(advice, tried, data, changed=changed, backup=backup)
    else:
        _show(advice, tried, unlocked=keyring is not None)
        _say_what_next(advice, data, asked=apply_, changed=changed, backup=backup)


def _time(text: str | None) -> int | None:
    try:
        return None if text is None else from_rfc3339(text)
    except ValueError as error:
        raise BadRequest(str(error), field="--since", cure="Write it like 2026-11-23T08:00:00Z.") from error


def _keyring(data: Path, passphrase_file: Path | None) -> Keyring:
    from guardian.cli.replay import unlock
    from guardian.vault.keyring import Keyring

    keyring = Keyring.load(data / "vault")
    unlock(keyring, passphrase_file)
    return keyring


async def _judged(data: Path, camera: str | None, since_us: int | None) -> tuple[Judged, ...]:
    from guardian.index.engine import INDEX_NAME, open_index
    from guardian.index.verdicts import VerdictRepository

    index = await open_index(data / INDEX_NAME)
    try:
        return await VerdictRepository(index).all(camera, since_us)
    finally:
        await index.close()


def _opened(judged: Sequence[Judged], keyring: Keyring | None) -> list[Event]:
    from guardian.services.event_details import EventDetails

    if keyring is None:
        return [one.event for one in judged]
    details = EventDetails(keyring)
    return [details.opened(one.event, one.details) if one.details is not None else one.event for one in judged]


def _try(data: Path, advice: Advice, settings: Settings, keyring: Keyring | None, most: int, quiet: bool) -> Tried | None:
    """Replay judged events with what is proposed. None where there is nothing to try, or no key."""
    from guardian.processes.replay import Setting, find_footage, replay, sealed_footage, streams_to_watch
    from guardian.services.folder_footage import FolderFootage
    from guardian.settings.load import validate
    from guardian.settings.override import overridden

    if keyring is None or not advice.changes or not most:
        return None
    raw = settings.model_dump(mode="json", exclude_defaults=True)
    tried_settings, _ = validate(overridden(raw, [one.assignment for one in advice.changes], advice.camera))
    assert tried_settings is not None  # the proposal lies in the settings' ranges
    setting = Setting("proposed", advice.camera, tried_settings)
    footage, found = FolderFootage(data), {True: [0, 0], False: [0, 0]}
    if not quiet:
        click.echo(f"Replaying up to {most} judged events of {advice.camera} ...", err=True)
    for event in sorted(advice.judged, key=lambda one: -one.start_us):
        if found[True][0] + found[False][0] >= most:
            break
        end_us = event.end_us if event.end_us is not None else event.start_us
        span = event.start_us - BEFORE_US, end_us + AFTER_US
        try:
            playlist, segments = asyncio.run(find_footage(footage, advice.camera, streams_to_watch(setting.detect), *span))
        except NotFound:
            continue
        (outcome,) = replay(sealed_footage(playlist, segments, keyring), [setting], data)
        counts = found[event.verdict == "right"]
        counts[0] += 1
        counts[1] += _is_there(event, outcome.replayed.events)
    return Tried(found[True][0], found[True][1], found[False][0], found[False][0] - found[False][1])


def _is_there(event: Event, events: Sequence[Event]) -> bool:
    from guardian.events.matching import match

    return bool(match([event], events).matched)


def _apply(data: Path, advice: Sequence[Advice]) -> Path | None:
    from guardian.platform.clock import SystemClock
    from guardian.services.tuning import apply

    changes = [change for one in advice for change in one.changes]
    stamp = to_rfc3339(SystemClock().now().utc_us)[:19].replace(":", "")
    return apply(data, changes, f"before-{stamp}") if changes else None


# words


def _emit(
    advice: Sequence[Advice], tried: Sequence[Tried | None], data: Path, *, changed: bool, backup: Path | None
) -> None:
    from dataclasses import asdict

    from guardian.services.tuning import to_json

    items: list[dict[str, Any]] = [
        to_json(one) | {"replayed": asdict(seen) if seen is not None else None}
        for one, seen in zip(advice, tried, strict=True)
    ]
    emit(
        {
            "items": items,
            "applied": changed,
            "config": str(data / "config.toml"),
            "backup": str(backup) if backup is not None else None,
            "next": None,
        }
    )


def _show(advice: Sequence[Advice], tried: Sequence[Tried | None], *, unlocked: bool) -> None:
    if not advice:
        click.echo("There are no cameras and no thumbs yet.")
    for one, seen in zip(advice, tried, strict=True):
        made = one.proposal
        click.secho(
            f"{one.camera}{', ' + one.label if one.label else ''}: {made.right} right, {made.wrong} wrong", bold=True
        )
        if made.why:
            click.echo(f"  {made.why[:1].upper()}{made.why[1:]}.")
        for change in one.changes:
            was = "chosen for the model" if change.before is None else change.before
            click.secho(f"  {change.key} = {change.value}  (now: {was})", fg="green")
        if made.bounds:
            _show_bounds(one)
        if seen is not None and (seen.right or seen.wrong):
            click.echo(
                f"  Replayed: keeps {seen.kept} of {seen.right} right ones, drops {seen.dropped} of {seen.wrong} wrong ones."
            )
        for box in made.masks:
            click.echo(
                f"  False alarms cluster at x {box.x1:.2f} to {box.x2:.2f}, y {box.y1:.2f} to {box.y2:.2f}: a mask would help."
            )
    if not unlocked and any(one.proposal.right or one.proposal.wrong for one in advice):
        click.echo("Sizes and places are sealed; --unlock takes them into account, and replays footage.", err=True)


def _show_bounds(one: Advice) -> None:
    made = one.proposal
    click.echo(
        f"  Would have kept {made.kept} of {made.right} right ones, dropped {made.dropped} of {made.wrong} wrong ones."
    )
    click.echo(
        f"  Of those to come, at 95 % confidence: loses at most {made.most_loss:.0%} of the right (expected {made.loss:.0%}), "
        f"drops at least {made.dropped_low:.0%} of the wrong."
    )


def _say_what_next(advice: Sequence[Advice], data: Path, *, asked: bool, changed: bool, backup: Path | None) -> None:
    if changed:
        click.echo(f"Written to {data / 'config.toml'}. It takes effect when Guardian starts again.")
        if backup is not None:
            click.echo(f"To undo it: cp {backup} {data / 'config.toml'}")
    elif any(one.changes for one in advice):
        click.echo("Nothing is changed; --apply writes it into config.toml.")
    elif asked:
        click.echo("There is nothing to apply.")
