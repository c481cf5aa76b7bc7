"""`guardian verify`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from guardian.cli._output import emit, json_option

EXAMPLES = """Examples:

  guardian verify evidence.zip

  guardian verify evidence.zip --key 3f2a-90b1-77c0-4e55-1d2c-8890-aa31-0b9e
"""


@click.command(epilog=EXAMPLES)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--key", default="", metavar="KEY", help="Fingerprint that it must be signed with, or a file that holds it.")
@json_option
def verify(file: Path, key: str, as_json: bool) -> None:
    """Check evidence, anywhere, without any vault: whether what was signed is there, unchanged."""
    from guardian.services.verify import key_of
    from guardian.services.verify import verify as check

    verdict = check(file, key_of(key) if key else "")
    if as_json:
        videos = [dict(zip(("name", "camera", "size_bytes", "pieces"), one, strict=True)) for one in verdict.videos]
        emit(asdict(verdict) | {"whole": verdict.whole, "videos": videos})
    else:
        for fault in verdict.faults:
            click.secho(fault, fg="red")
        for name, camera, size, pieces in verdict.videos:
            click.echo(f"{name}: {camera}, {pieces} pieces, {size / 1e6:.1f} MB")
        if verdict.key:
            click.echo(f"{verdict.start} to {verdict.end}, made {verdict.created}, gaps: {verdict.gaps}")
        click.secho("Whole: nothing was changed since it was signed." if verdict.whole else "Not whole.", bold=True)
        if verdict.key:
            click.echo(f"Signed with the key {verdict.key}.")
        if verdict.whole and verdict.known is None:
            click.echo(
                "Whose key that is, this does not say: compare it with what its owner tells you, or give it with --key."
            )
    if not verdict.whole:
        raise SystemExit(1)
