"""`guardian doctor`."""

import sys
from collections.abc import Iterator
from dataclasses import asdict
from itertools import chain
from pathlib import Path

import click

from guardian.cli._output import data_option, emit, json_option
from guardian.cli.viewing import examine as examine_page
from guardian.model.errors import GuardianError
from guardian.model.health import Finding, Health

MARKS = {"ok": ("✓", "green"), "info": ("·", "blue"), "warning": ("!", "yellow"), "error": ("✗", "red")}


def _cameras(data: Path) -> Iterator[Finding]:
    """Yield what each camera of the Guardian that runs uses, where one runs."""
    from guardian.cli._client import call, running_url

    try:
        url = running_url(data)
        cameras = call(data, url, "GET", "/api/v1/cameras")["items"] if url else []
    except GuardianError as error:
        yield Finding("cameras", Health.INFO, f"cannot be asked: {error.message}", error.cure)
        return
    for camera in cameras:
        name, watch = f"camera {camera['id']}", camera["watch"]
        if camera["problem"]:
            yield Finding(name, Health.WARNING, camera["problem"], camera["cure"])
        elif watch is None or not watch["decoder"]:
            yield Finding(name, Health.OK, camera["state"] + ("" if camera["detect"] else ", not watched"))
        else:
            share = watch["decoded"] / max(1, watch["packets"])
            how = "the processor" if watch["decoder"] == "software" else watch["decoder"]
            yield Finding(name, Health.OK, f"decoded by {how}, {share:.0%} of its frames so far")


@click.command(epilog="Example:\n\n  guardian doctor --data /srv/guardian")
@data_option
@json_option
def doctor(data: Path, as_json: bool) -> None:
    """Say what is wrong with this machine and what to do. Exits with 1 when something must be mended."""
    from guardian.platform.clock import SystemClock
    from guardian.pluginhost.registry import ContextMaker, PluginRegistry
    from guardian.processes.doctor import examine
    from guardian.settings.load import load

    settings = load(data)
    findings = []
    machine = examine(data, settings, PluginRegistry(settings.plugins, ContextMaker(data)), SystemClock())
    for finding in chain(machine, [examine_page()], _cameras(data)):
        findings.append(finding)
        if not as_json:
            mark, colour = MARKS[finding.health]
            click.echo(f"{click.style(mark, fg=colour)} {finding.check}: {finding.message}")
            if finding.cure:
                click.echo(f"    {finding.cure}")
    bad = any(finding.health == "error" for finding in findings)
    if as_json:
        emit({"ok": not bad, "findings": [asdict(finding) for finding in findings]})
    sys.exit(1 if bad else 0)
