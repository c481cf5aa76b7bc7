"""The `guardian-relay` command."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import click

from guardian import __version__
from guardian_relay.errors import RelayError
from guardian_relay.settings import DEFAULT_FILE, RelaySettings, host_port, load

WAIT_S = 1800.0
_LEVELS = {"ok": "  ", "info": "i ", "warning": "! ", "error": "✗ "}


class _Group(click.Group):
    """Turns errors into sentences and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except RelayError as error:
            click.echo(f"{error.message}\n{error.cure}".strip(), err=True)
            sys.exit(1)


config_option = click.option(
    "--config",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=DEFAULT_FILE,
    show_default=True,
    envvar="GUARDIAN_RELAY_CONFIG",
    help="Settings.",
)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="guardian-relay")
def cli() -> None:
    """One home's relay: carries sealed bytes between home, cloud and viewers, and can open none of them."""


@cli.command()
@config_option
def run(file: Path) -> None:
    """Run until it is told to end."""
    from guardian_relay.processes.relay import run as run_relay

    run_relay(load(file))


@cli.command()
@config_option
@click.option("--wait", is_flag=True, help="Stay until a home has joined, and show the short code to compare.")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON, a line a step.")
def invite(file: Path, wait: bool, as_json: bool) -> None:
    """Make an invitation for a home. It is good once, and for `pairing.code_minutes`."""
    from guardian.platform.clock import SystemClock

    settings = load(file)
    code = os.urandom(32)
    text = _with_store(settings, lambda store: _invite(settings, store, code))
    _show({"invitation": text}, text, as_json)
    if not wait:
        return
    click.echo("Waiting for a home to join (`guardian relay join` there) ...", err=True)
    shown, clock = "", SystemClock()
    began_s = clock.mono_s()
    while clock.mono_s() - began_s < WAIT_S:
        seen = _with_store(settings, lambda store: store.pairing(code))
        if seen is not None and seen.short_code and seen.short_code != shown:
            shown = seen.short_code
            _show({"short_code": shown}, f"This end shows  {shown}", as_json)
        if seen is not None and seen.state in ("confirmed", "over"):
            words = {"confirmed": "The home has joined.", "over": "The pairing was broken off."}
            _show({"state": seen.state}, words[seen.state], as_json)
            sys.exit(0 if seen.state == "confirmed" else 1)
        time.sleep(0.5)
    raise RelayError("nobody joined", cure="Make another invitation.")


@cli.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
def status(file: Path, as_json: bool) -> None:
    """Say how the relay that runs is. Exit code 1 when there is none, or its store or tunnel does not work."""
    value = _running(load(file))
    if as_json:
        click.echo(json.dumps(value))
    else:
        _show_status(value)
    sys.exit(1 if value["problems"] else 0)


def _show_status(value: dict[str, Any]) -> None:
    yes = {True: "yes", False: "no"}
    rows = [("joined", yes[value["joined"]]), ("home connected", yes[value["edge_connected"]])]
    if value["cloud"]:
        rows += [("cloud connected", yes[value["cloud_connected"]]), ("waiting for the cloud", str(value["events_waiting"]))]
    rows += [("events", str(value["events"])), ("clips", f"{value['clips']} ({value['clip_bytes'] >> 20} MiB)")]
    rows += [("tunnel", value["tunnel"] or "none"), ("viewers", str(value["viewers"]))]
    rows += [("short code", value["short_code"])] if value["short_code"] else []
    said = (*value["problems"], value["tunnel_problem"], value["cloud_problem"], value["clock_problem"])
    rows += [("problem", one) for one in said if one]
    if value["edge_copied"]:
        rows.append(("problem", "two have spoken with the keys of the home: a copy of its data folder is in use"))
    for name, text in rows:
        click.echo(f"{name + ':':24}{text}")


@cli.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
def doctor(file: Path, as_json: bool) -> None:
    """Say what of this machine keeps the relay from working. Exit code 1 when something does."""
    from guardian_relay.doctor import examine

    found = list(examine(load(file)))
    if as_json:
        keys = ("check", "level", "message", "cure")
        click.echo(json.dumps([{key: getattr(one, key) for key in keys} for one in found]))
    else:
        for one in found:
            click.echo(f"{_LEVELS[one.level]}{one.check}: {one.message}" + (f"\n    {one.cure}" if one.cure else ""))
    sys.exit(1 if any(one.level == "error" for one in found) else 0)


@cli.command()
@config_option
@click.option("--code-file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path), help="File that holds the code; - for standard input [default: asked for].")  # fmt: skip
def enrol(file: Path, code_file: Path | None) -> None:
    """Join the cloud of `cloud.enrol_url` with a one-time code of its console. Other users can see arguments, so it is no argument."""
    from guardian.platform.clock import SystemClock
    from guardian_relay.certificate import Certificate
    from guardian_relay.certificate import enrol as trade

    settings = load(file)
    if not settings.cloud.enrol_url:
        raise RelayError(
            "cloud.enrol_url is not set",
            cure="Set it to the address that the cloud's console shows.",
            field="cloud.enrol_url",
        )
    if code_file is None:
        code = str(click.prompt("Code", hide_input=True, err=True))
    else:
        code = (sys.stdin.read() if str(code_file) == "-" else code_file.read_text(encoding="utf-8")).strip()
    certificate = Certificate(settings.state, settings.cloud.ca_file, SystemClock())
    device = trade(certificate, settings.cloud.enrol_url, code, settings.cloud.enrol_ca_file)
    click.echo(f"Joined as {device}." if device else "Joined.")


@cli.command()
@config_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(file: Path, yes: bool) -> None:
    """Forget the home, so that another one can join. Stop the relay first."""
    from guardian_relay.keys import forget_tunnel

    settings = load(file)
    if _answers(settings):
        raise RelayError("the relay runs", cure="Stop it first: systemctl stop guardian-relay, docker compose stop relay")
    if not yes:
        click.confirm("Forget the home that is joined?", abort=True, err=True)
    _with_store(settings, lambda store: store.forget())
    forget_tunnel(settings.state)
    click.echo("Forgotten.")


async def _invite(settings: RelaySettings, store: Any, code: bytes) -> str:
    from guardian.platform.clock import SystemClock
    from guardian.protocol.pairing import invitation_text
    from guardian.protocol.v1 import link_pb2 as link
    from guardian_relay.keys import load_identity

    now_ms = SystemClock().now().utc_ms
    identity = load_identity(settings.state, now_ms)
    await store.invite(code, now_ms + int(settings.pairing.code_minutes * 60_000), now_ms)
    return invitation_text(
        link.Invitation(address=settings.pairing.address, certificate_sha256=identity.certificate_sha256, code=code)
    )


def _with_store(settings: RelaySettings, work: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
    """Do something with the store, whether the relay runs or not."""
    from guardian.platform.clock import SystemClock
    from guardian_relay.index.joined import JoinStore
    from guardian_relay.index.store import make_tables, open_engine
    from guardian_relay.keys import make_state

    async def do() -> Any:
        make_state(settings.state)
        engine = open_engine(settings.store_url)
        try:
            await make_tables(engine, SystemClock().now().utc_ms * 1000)
            return await work(JoinStore(engine))
        finally:
            await engine.dispose()

    return asyncio.run(do())


def _running(settings: RelaySettings) -> dict[str, Any]:
    host, port = host_port(settings.health.listen)
    try:
        with urllib.request.urlopen(f"http://{host}:{port}/status", timeout=5) as answer:
            value = json.loads(answer.read())
    except (OSError, ValueError, urllib.error.URLError):
        raise RelayError(
            "the relay does not run, or does not answer",
            cure="See its log: journalctl -u guardian-relay, docker compose logs relay",
        ) from None
    assert isinstance(value, dict)
    return value


def _answers(settings: RelaySettings) -> bool:
    try:
        return bool(_running(settings))
    except RelayError:
        return False


def _show(value: dict[str, str], text: str, as_json: bool) -> None:
    click.echo(json.dumps(value) if as_json else text)


def main() -> None:
    """Entry point of the console script."""
    cli.main(prog_name="guardian-relay")
