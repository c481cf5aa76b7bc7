"""`guardian viewing on|let-in|status|off|check`. For all but `check` Guardian must run: it answers the viewers."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from guardian.cli._ask import ask
from guardian.cli._output import data_option, emit, json_option
from guardian.cli._secret import SecretFile, new_passphrase_from
from guardian.model.health import Finding, Health

if TYPE_CHECKING:
    import guardian_viewer as viewer

EXAMPLES = """Examples:

  guardian viewing on

  guardian viewing let-in --name Olga

  guardian viewing status

  guardian viewing off

  guardian viewing check https://relay.example.org/
"""
LIES = "Do not use that page; tell who runs it. Nothing was typed in by checking."
TIMEOUT_S = 20.0
MOST_BYTES = 8 << 20  # of one file
SHOWN = "The viewing key. Keep it in your password manager, away from the passphrase's paper; it is not shown again:"


@click.group(epilog=EXAMPLES)
def viewing() -> None:
    """Look at events and live video from afar, through your relay, in a browser."""


@viewing.command("on", epilog="Example:\n\n  guardian viewing on")
@click.option("--no-qr", is_flag=True, help="Print no QR code beside the text.")
@data_option
@json_option
def turn_on(no_qr: bool, data: Path, as_json: bool) -> None:
    """Make a viewing key of yours and show it, this once. The vault must be unlocked. Your key before is good no longer."""
    value = ask(data, "POST", "/viewing")
    if as_json:
        emit(value)
        return
    click.echo(SHOWN, err=True)
    click.echo(value["key"])
    if not no_qr:
        click.echo(_qr(value["key"]), err=True)


@viewing.command("let-in", epilog="Example:\n\n  guardian viewing let-in --name Olga")
@click.option("--name", required=True, help="What you call them.")
@click.option(
    "--passphrase-file", type=SecretFile, help="Their passphrase; - for standard input [default: one is made and shown]."
)
@click.option("--no-qr", is_flag=True, help="Print no QR code beside the text.")
@data_option
@json_option
def let_in(name: str, passphrase_file: Path | None, no_qr: bool, data: Path, as_json: bool) -> None:
    """Let somebody else look, with a viewing key and a passphrase of their own, shown this once.

    They see everything that is and was recorded, and learn neither of yours. The vault must be unlocked.
    `guardian member remove` takes them out.
    """
    passphrase = new_passphrase_from(passphrase_file) if passphrase_file is not None else ""
    value = ask(data, "POST", "/viewing/viewers", {"name": name, "passphrase": passphrase})
    if as_json:
        emit(value)
        return
    click.echo(f"For {value['name']}. Give each of the two another way; they are not shown again:", err=True)
    click.echo(f"{'Viewing key:':14}{value['key']}")
    click.echo(f"{'Passphrase:':14}{value['passphrase']}")
    if not no_qr:
        click.echo(_qr(value["key"]), err=True)


@viewing.command("status", epilog="Example:\n\n  guardian viewing status --json")
@data_option
@json_option
def status(data: Path, as_json: bool) -> None:
    """Say whether viewing from afar is on, and who looks."""
    value = ask(data, "GET", "/viewing")
    others = ask(data, "GET", "/viewing/viewers")["items"]
    if as_json:
        emit({**value, "others": others})
        return
    click.echo("Viewing from afar is on." if value["on"] else "Viewing from afar is off.")
    for name, label in (("created", "Key of"), ("viewers", "Viewers now"), ("last", "Last let in"), ("problem", "Problem")):
        if value[name]:
            click.echo(f"{label + ':':16}{value[name]}")
    for one in others:
        said = [f"since {one['since'] or '?'}", *([f"last let in {one['last']}"] if one["last"] else []), one["problem"]]
        click.echo(f"{one['id'][:8]}        {one['name']}, {', '.join(filter(None, said))}")


@viewing.command("off", epilog="Example:\n\n  guardian viewing off")
@data_option
@json_option
def turn_off(data: Path, as_json: bool) -> None:
    """Forget your viewing key. Viewers that are there have to go, and nobody is answered until it is on again."""
    ask(data, "DELETE", "/viewing")
    if as_json:
        emit({"on": False})
    else:
        click.echo("Viewing from afar is off.")


@viewing.command("check", epilog="Example:\n\n  guardian viewing check https://relay.example.org/ --public-key release.pub")
@click.argument("address", required=False)
@click.option(
    "--public-key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The release key to believe (PEM) [default: the one that came with this Guardian].",
)
@json_option
def check_page(address: str | None, public_key: Path | None, as_json: bool) -> None:
    """Check that the page at ADDRESS (a relay's, or a box's /viewer/) is what a release signed; without one, what is installed here.

    Each file is fetched and compared with the manifest, and the manifest's signature with the release key.
    What the machine serves to somebody else, or the next time, this cannot tell.
    """
    import hashlib

    import guardian_viewer as viewer

    from guardian.model.errors import Damaged

    try:
        ours = viewer.checked()
        key = public_key.read_bytes() if public_key else viewer.release_key()
        if address:
            build = _fetched(address, key)
        else:
            found = {name: asset.sha256 for name, asset in viewer.bundle().items()}
            build = viewer.check(ours.manifest, found, viewer.POLICY, ours.signature, key)
    except viewer.BadBundle as error:
        raise Damaged(error.message, cure=error.cure) from error
    same = build.manifest == ours.manifest
    digest = hashlib.sha256(build.manifest).hexdigest()
    if as_json:
        emit({"files": build.files, "manifest": digest, "signed_by": build.signed_by or None, "as_installed": same})
        return
    click.echo(f"{build.files} files are what the manifest says. SHA-256 of the manifest: {digest}")
    click.echo(f"Signed by {build.signed_by}." if build.signed_by else "A development build: nobody has signed it.")
    if address:
        click.echo("It is what is installed here." if same else "What is installed here is another version.")


def examine() -> Finding:
    """Say whether the page for viewers that is installed here is what its manifest says, and who signed it."""
    import guardian_viewer as viewer

    try:
        build = viewer.checked()
    except viewer.BadBundle as error:
        return Finding("viewer's page", Health.ERROR, error.message, error.cure)
    who = f"signed by {build.signed_by}" if build.signed_by else "a development build: nobody has signed it"
    return Finding("viewer's page", Health.OK, f"{build.files} files are what their manifest says, {who}")


def _fetched(address: str, key: bytes) -> viewer.Build:
    """Fetch what a machine serves, and check it. BadBundle."""
    import hashlib

    import guardian_viewer as viewer
    from guardian_viewer.signed import names_in

    base = address if address.endswith("/") else f"{address}/"
    manifest, policy = _get(base + viewer.MANIFEST)
    signature, _ = _get(base + viewer.SIGNATURE)
    found = {}
    for name in names_in(manifest)[0]:
        body, said = _get(base + quote(name))
        found[name] = hashlib.sha256(body).hexdigest()
        if said != policy:
            raise viewer.BadBundle(f"the viewer's file {name} is served under another policy", LIES)
    front, _ = _get(base)
    if hashlib.sha256(front).hexdigest() != found.get("index.html"):
        raise viewer.BadBundle("what is at the address itself is not index.html", LIES)
    try:
        return viewer.check(manifest, found, policy, signature, key)
    except viewer.BadBundle as error:
        raise viewer.BadBundle(error.message, LIES) from error


def _get(url: str) -> tuple[bytes, str]:
    """Return a body and its policy."""
    import urllib.error
    import urllib.request

    from guardian.model.errors import BadRequest, ServiceUnavailable

    if not url.startswith(("https://", "http://")):
        raise BadRequest("the address is none of a page", field="address", cure="Such as: https://relay.example.org/")
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310 - http(s) alone, above
            return answer.read(MOST_BYTES), str(answer.headers.get("Content-Security-Policy", ""))
    except urllib.error.HTTPError as error:
        raise ServiceUnavailable(f"{url} answers {error.code}", cure=LIES) from error
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise ServiceUnavailable(f"{url} cannot be fetched: {reason}", cure="Try it in a browser.") from error


def _qr(text: str) -> str:
    import segno

    out = io.StringIO()
    segno.make(text, error="l").terminal(out, compact=True)
    return out.getvalue()
