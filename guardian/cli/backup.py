"""`guardian backup`."""

from __future__ import annotations

from pathlib import Path

import click

from guardian.cli._output import data_option, emit, json_option

EXAMPLES = "Examples:\n\n  guardian backup /media/stick/guardian.pgb\n\n  guardian backup --force /mnt/nas/guardian.pgb"


@click.command(epilog=EXAMPLES)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@data_option
@json_option
def backup(file: Path, force: bool, data: Path, as_json: bool) -> None:
    """Write settings, accounts, keys and the index to FILE, sealed; Guardian may run, the vault may be locked.

    Footage, pictures, exports and models are not in it. Only the passphrase or the recovery code opens it again.
    """
    from guardian.platform.clock import SystemClock
    from guardian.services.backup import back_up

    done = back_up(data, file, SystemClock().now().utc_us, force=force)
    if as_json:
        emit(
            {
                "file": str(file),
                "bytes": done.size_bytes,
                "members": [member.path for member in done.members],
                "left_out": list(done.left_out),
            }
        )
        return
    click.echo(f"{file}: {len(done.members)} files, {done.size_bytes / 1e6:.1f} MB.")
    for name in done.left_out:
        click.echo(f"{name} is left out: it is larger than a backup takes, or cannot be read.", err=True)
    click.echo("The passphrase, or the recovery code, of today opens it: keep that elsewhere.", err=True)
