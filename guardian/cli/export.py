"""`guardian export`."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from guardian.cli._output import data_option, emit, json_option
from guardian.model.errors import BadRequest, BadSetting, Conflict, GuardianError, NotFound
from guardian.model.ids import is_camera_id
from guardian.model.time import from_rfc3339, to_rfc3339
from guardian.platform.clock import SystemClock
from guardian.services.export_making import ExportWish

if TYPE_CHECKING:
    from guardian.services.playback import PlaybackService
    from guardian.vault.notary import VaultNotary

EXAMPLES = """Examples:

  guardian export front --start 2026-11-23T08:00:00Z --end 2026-11-23T08:10:00Z -o door.mp4

  guardian export front gate --start 2026-11-23T08:00:00Z --end 2026-11-23T08:10:00Z -o both.zip

  guardian export gate --start 2026-11-23T08:00:00Z --end 2026-11-23T08:10:00Z --evidence -o evidence.zip

  guardian export yard --start 2026-11-23T06:00:00Z --end 2026-11-23T18:00:00Z --speedup 600 -o day.mp4

  guardian export front --start 2026-11-23T09:00:00+01:00 --end 2026-11-23T09:10:00+01:00 -o - | ffplay -
"""


@click.command(epilog=EXAMPLES)
@click.argument("cameras", metavar="CAMERA...", nargs=-1, required=True)
@click.option(
    "--start", metavar="TIME", required=True, help="Begin, as RFC 3339 with an offset, such as 2026-11-23T08:00:00Z."
)
@click.option("--end", metavar="TIME", required=True, help="End, as RFC 3339 with an offset.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    required=True,
    help="File to write; - for standard output (one camera, whole groups of pictures).",
)
@click.option(
    "--exact/--whole-groups",
    default=True,
    help="Show it from start to end, to the frame (the default), or from the keyframe before on.",
)
@click.option(
    "--speedup",
    type=click.IntRange(1, 3600),
    default=1,
    metavar="N",
    help="A timelapse of keyframes, so many times as fast, without sound.",
)
@click.option("--evidence", is_flag=True, help="A ZIP of what was recorded, with every piece's hash, signed.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option(
    "--passphrase-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="File that holds the passphrase."
)
@data_option
@json_option
def export(
    cameras: tuple[str, ...],
    start: str,
    end: str,
    output: str,
    exact: bool,
    speedup: int,
    evidence: bool,
    force: bool,
    passphrase_file: Path | None,
    data: Path,
    as_json: bool,
) -> None:
    """Export footage of CAMERA as one MP4 file; of several cameras, and as evidence, as a ZIP. Guardian may run or not.

    The file is not sealed any more: whoever has it can play it.
    """
    span = _time(start, "--start"), _time(end, "--end")
    for camera in cameras:
        if not is_camera_id(camera):
            raise BadRequest(f"{camera!r} is no camera id", field="CAMERA", cure="a-z, 0-9, _ and -, at most 32 characters.")
    if evidence and speedup > 1:
        raise BadRequest("evidence cannot be sped up", field="--speedup", cure="Leave it out: evidence is as recorded.")
    wish = ExportWish(tuple(dict.fromkeys(cameras)), *span, exact, speedup, evidence)
    if output == "-" and (wish.suffix == "zip" or speedup > 1):
        raise BadRequest("only one camera's clip goes to standard output", field="--output", cure="Name a file with -o.")
    target = _checked_target(output, data, force)
    written, note = asyncio.run(_export(data, wish, target, passphrase_file))
    if as_json and output != "-":
        said = {"start": to_rfc3339(span[0]), "end": to_rfc3339(span[1])}
        emit({"file": output, "camera": cameras[0], "cameras": list(cameras), **said, "size_bytes": written, "note": note})
        return
    click.echo(f"{output}: {written / 1e6:.1f} MB", err=True)
    if note:
        click.echo(note, err=True)


def _time(text: str, option: str) -> int:
    try:
        return from_rfc3339(text)
    except ValueError as error:
        raise BadRequest(
            str(error), field=option, cure="Write it like 2026-11-23T08:00:00Z or 2026-11-23T09:00:00+01:00."
        ) from error


def _checked_target(output: str, data: Path, force: bool) -> Path | None:
    """Return where to write, None for standard output."""
    if output == "-":
        return None
    target = Path(output).absolute()
    if target.exists() and not force:
        raise Conflict(f"{output} is there already", field="--output", cure="Choose another name, or add --force.")
    if not target.parent.is_dir():
        raise BadRequest(f"there is no folder {target.parent}", field="--output", cure="Make it first.")
    if target.resolve().is_relative_to(data.resolve()):
        raise BadRequest(
            "the data folder holds sealed files only", field="--output", cure="Write the MP4 outside of the data folder."
        )
    return target


def _passphrase(file: Path | None) -> str:
    if file is not None:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    return str(click.prompt("Passphrase", hide_input=True, err=True))


async def _export(data: Path, wish: ExportWish, target: Path | None, passphrase_file: Path | None) -> tuple[int, str]:
    from guardian.services.folder_footage import FolderFootage
    from guardian.services.playback import PlaybackService
    from guardian.vault.keyring import Keyring
    from guardian.vault.notary import VaultNotary
    from guardian.vault.sealer import VaultSealer

    if not Keyring.exists(data / "vault"):
        raise BadSetting(
            f"there is no vault in {data}", field="--data", cure="Give the data folder of your Guardian with --data."
        )
    footage = FolderFootage(data)
    for camera in wish.cameras:
        if camera not in footage.cameras():
            known = ", ".join(footage.cameras()) or "none"
            raise NotFound(
                f"there is no footage of a camera {camera!r}", field="CAMERA", cure=f"Cameras with footage: {known}."
            )
    keyring = Keyring.load(data / "vault")
    keyring.unlock(_passphrase(passphrase_file))
    playback = PlaybackService(footage, data, keyring)
    try:
        notary = None
        if wish.evidence:
            sealer = VaultSealer(keyring.public_key, keyring.epoch)
            notary = VaultNotary.load(data / "vault", keyring, sealer, SystemClock().now().utc_us)
        return await _write(playback, wish, target, notary)
    finally:
        playback.close()
        keyring.lock()


async def _write(
    playback: PlaybackService, wish: ExportWish, target: Path | None, notary: VaultNotary | None
) -> tuple[int, str]:
    if target is None:
        return await _copy(playback, wish, sys.stdout.buffer)
    part = target.with_name(f".{target.name}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
            done = await _make(playback, wish, file, notary)
        part.replace(target)
    except OSError as error:
        raise GuardianError(
            f"{target} could not be written: {error.strerror}", cure="Choose another place with -o."
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return done


async def _make(playback: PlaybackService, wish: ExportWish, file: IO[bytes], notary: VaultNotary | None) -> tuple[int, str]:
    from guardian.services.export_file import PlainFile
    from guardian.services.export_making import Maker

    sink = PlainFile(file)
    note = await Maker(playback, sink, wish, SystemClock().now().utc_us, lambda _: None, notary).make()
    return sink.size, note


async def _copy(playback: PlaybackService, wish: ExportWish, file: IO[bytes]) -> tuple[int, str]:
    written, note = 0, ""
    async for piece in playback.pieces(wish.cameras[0], wish.start_us, wish.end_us):
        file.write(piece.data)
        written += len(piece.data)
        note = note or piece.note
    file.flush()
    return written, note
