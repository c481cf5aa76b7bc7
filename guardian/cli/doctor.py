"""`guardian doctor`."""

import sys
from dataclasses import asdict
from pathlib import Path

import click

from guardian.cli._output import data_option, emit, json_option

MARKS = {"ok": ("✓", "green"), "info": ("·", "blue"), "warning": ("!", "yellow"), "error": ("✗", "red")}


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
    for finding in examine(data, settings, PluginRegistry(settings.plugins, ContextMaker(data)), SystemClock()):
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
