"""Shows what a replay found: lines for people, one object for programs, a page with timelines."""

from __future__ import annotations

import html
import os
from pathlib import Path

import click

from guardian.cli._output import emit
from guardian.model.errors import BadRequest, GuardianError
from guardian.model.time import SECOND_US, to_rfc3339
from guardian.services.replay_report import MARKS, Line, Report, Run, lines, to_json

COLOURS = {"+": "green", "-": "red", "=": None}
WORDS = {"matched": "as it happened", "new": "new", "missed": "missed", "": ""}


def check_target(target: Path, data: Path) -> None:
    """Refuse a place for the page before any work is done."""
    if not target.absolute().parent.is_dir():
        raise BadRequest(f"there is no folder {target.absolute().parent}", field="--html", cure="Make it first.")
    if target.resolve().is_relative_to(data.resolve()):
        raise BadRequest(
            "the data folder holds sealed files only", field="--html", cure="Write the report outside of the data folder."
        )


def show(told: Report, *, as_json: bool) -> None:
    """Print the report."""
    if as_json:
        emit(to_json(told))
        return
    for run in told.runs:
        click.secho(run.name, bold=True)
        for line in lines(run, told.start_us):
            _show_line(line, told)
        _show_counts(run)
        cost = run.cost
        click.echo(
            f"  {cost.footage_s:.0f} s of footage: {cost.decoded} of {cost.frames} frames decoded, {cost.looked_at} looked at, "
            f"{cost.crops} crops inferred"
        )
        click.echo(
            f"  {cost.cpu_s_per_camera_minute:.2f} CPU-s a camera-minute, {cost.real_time_factor:.1f} times real time"
        )
        if cost.decode_faults:
            click.secho(f"  {cost.decode_faults} samples could not be decoded", fg="yellow")


def _show_line(line: Line, told: Report) -> None:
    mark = MARKS.get(line.state, " ")
    zones = f"  in {', '.join(line.event.zones)}" if line.event.zones else ""
    text = f"  {mark} {_when(line, told)}  {line.event.label:<8} {line.event.score:.2f}{zones}  {WORDS[line.state]}"
    click.secho(text.rstrip(), fg=COLOURS.get(mark))


def _show_counts(run: Run) -> None:
    found = len(run.events)
    if run.matching is None:
        click.echo(f"  {found} events")
        return
    one = run.matching
    click.echo(
        f"  {found} events; against {run.against}: {len(one.matched)} matched, {len(one.missed)} missed, {len(one.new)} new"
    )


def _when(line: Line, told: Report) -> str:
    if "file" in told.source:
        return f"{_clock(line.start_s)} to {_clock(line.end_s)}"
    end_us = told.start_us + round(line.end_s * SECOND_US)
    return f"{to_rfc3339(line.event.start_us)} to {to_rfc3339(end_us)[11:]}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0.0, seconds), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


# the page

STYLE = """
:root { color-scheme: light dark; --back: #fbfbfd; --ink: #1b1d27; --quiet: #5d6272; --lane: #e7e8ef; --line: #d3d5df;
  --matched: #3f6fd8; --new: #1f8a4c; --missed: #c8374a; }
@media (prefers-color-scheme: dark) { :root { --back: #13141b; --ink: #eceef5; --quiet: #a2a8ba; --lane: #242733;
  --line: #353947; --matched: #6e97f2; --new: #49bd7b; --missed: #ef6b7b; } }
* { box-sizing: border-box } body { margin: 0 auto; max-width: 1200px; padding: 24px 16px; background: var(--back);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
h1, h2 { overflow-wrap: anywhere } h1 { font-size: 1.4rem; margin: 0 } h2 { font-size: 1.05rem; margin: 28px 0 4px }
p { margin: 4px 0; color: var(--quiet) }
.lane { position: relative; height: 34px; margin: 8px 0 2px; border-radius: 8px; background: var(--lane); overflow: hidden }
.lane span { position: absolute; top: 5px; bottom: 5px; min-width: 4px; border-radius: 5px; background: var(--matched) }
.lane .new { background: var(--new) } .lane .missed { background: none; border: 2px dashed var(--missed) }
.scale { display: flex; justify-content: space-between; color: var(--quiet); font-size: .8rem }
.scroll { overflow-x: auto } table { border-collapse: collapse; width: 100%; margin-top: 8px; font-size: .92rem }
th, td { text-align: left; padding: 5px 12px 5px 0; border-bottom: 1px solid var(--line); white-space: nowrap }
td.new { color: var(--new) } td.missed { color: var(--missed) }
"""


def write_html(target: Path, told: Report) -> None:
    """Write the page, for its owner alone."""
    try:
        fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(page(told))
    except OSError as error:
        raise GuardianError(f"{target} could not be written: {error.strerror}", cure="Choose another place.") from error


def page(told: Report) -> str:
    """Return the report as an HTML page that needs nothing else."""
    span_s = max([1.0, *(run.cost.footage_s for run in told.runs), *_ends(told)])
    what = html.escape(str(told.source.get("file") or told.source.get("camera")))
    when = f"<p>{told.source['start']} to {told.source['end']}, {told.source['stream']} stream</p>" if _is_span(told) else ""
    parts = [_section(run, told, span_s) for run in told.runs]
    return (
        '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Replay of {what}</title><style>{STYLE}</style></head>\n<body><h1>Replay of {what}</h1>{when}"
        f"{''.join(parts)}</body>\n</html>\n"
    )


def _is_span(told: Report) -> bool:
    return "file" not in told.source


def _ends(told: Report) -> list[float]:
    return [line.end_s for run in told.runs for line in lines(run, told.start_us)]


def _section(run: Run, told: Report, span_s: float) -> str:
    found = lines(run, told.start_us)
    bars = "".join(_bar(line, span_s) for line in found)
    rows = "".join(_row(line, told) for line in found)
    counts = f"{len(run.events)} events"
    if run.matching is not None:
        one = run.matching
        counts += (
            f". Against {html.escape(run.against)}: {len(one.matched)} matched, {len(one.missed)} missed, {len(one.new)} new"
        )
    cost = run.cost
    table = (
        "<div class='scroll'><table><thead><tr><th>When</th><th>What</th><th>Score</th><th>Zones</th><th></th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )
    return (
        f"<section><h2>{html.escape(run.name)}</h2><p>{counts}.</p><div class='lane'>{bars}</div>"
        f"<div class='scale'><span>0:00</span><span>{_clock(span_s / 2)}</span><span>{_clock(span_s)}</span></div>"
        f"{table if found else ''}<p>{cost.decoded} of {cost.frames} frames decoded, {cost.looked_at} looked at, {cost.crops} "
        f"crops inferred. {cost.cpu_s_per_camera_minute:.2f} CPU-s a camera-minute, {cost.real_time_factor:.1f} times real "
        "time.</p></section>"
    )


def _bar(line: Line, span_s: float) -> str:
    left, width = 100 * max(0.0, line.start_s) / span_s, 100 * max(0.0, line.end_s - max(0.0, line.start_s)) / span_s
    title = f"{line.event.label} {line.event.score:.2f} {WORDS[line.state]}".strip()
    return (
        f"<span class='{line.state}' style='left:{left:.3f}%;width:{width:.3f}%' title='{html.escape(title, quote=True)}'>"
        "</span>"
    )


def _row(line: Line, told: Report) -> str:
    zones = html.escape(", ".join(line.event.zones))
    return (
        f"<tr><td>{html.escape(_when(line, told))}</td><td>{html.escape(line.event.label)}</td><td>{line.event.score:.2f}"
        f"</td><td>{zones}</td><td class='{line.state}'>{WORDS[line.state]}</td></tr>\n"
    )
