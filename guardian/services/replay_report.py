"""What a replay found, told beside what happened: as values for programs, lines for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from guardian.events.matching import Matching, match
from guardian.model.event import Event
from guardian.model.time import SECOND_US, to_rfc3339

MARKS = {"matched": "=", "new": "+", "missed": "-"}


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run looked at, and what that took."""

    frames: int
    decoded: int
    looked_at: int
    looks: int
    crops: int
    decode_faults: int
    footage_s: float
    cpu_s_per_camera_minute: float
    real_time_factor: float


@dataclass(frozen=True, slots=True)
class Run:
    """One setting's outcome. `against`: what its events are compared with, None where there is nothing."""

    name: str
    events: tuple[Event, ...]
    cost: Cost
    against: str = ""
    matching: Matching | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """An event as it is shown. `state`: matched, new or missed; empty where there is nothing to compare with."""

    state: str
    event: Event
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Report:
    """`happened`: the events of the index in the span, None of a file. `start_us`: where the footage begins."""

    source: Mapping[str, Any]
    start_us: int
    happened: tuple[Event, ...] | None
    runs: tuple[Run, ...]


def report(
    source: Mapping[str, Any],
    start_us: int,
    happened: Sequence[Event] | None,
    found: Sequence[tuple[str, Sequence[Event], Cost]],
) -> Report:
    """Compare each run with what happened; where that is not known, the later ones with the first."""
    runs = []
    for name, events, cost in found:
        if happened is not None:
            runs.append(Run(name, tuple(events), cost, "what happened", match(happened, events)))
        elif runs:
            runs.append(Run(name, tuple(events), cost, runs[0].name, match(runs[0].events, events)))
        else:
            runs.append(Run(name, tuple(events), cost))
    return Report(source, start_us, None if happened is None else tuple(happened), tuple(runs))


def lines(run: Run, start_us: int) -> tuple[Line, ...]:
    """Return a run's events and those that it misses, in the order of their begins."""
    states = {}
    if run.matching is not None:
        states = {event.id: "matched" for _, event in run.matching.matched} | {e.id: "new" for e in run.matching.new}
    told = [_line(states.get(event.id, ""), event, start_us) for event in run.events]
    told += [_line("missed", event, start_us) for event in (run.matching.missed if run.matching is not None else ())]
    return tuple(sorted(told, key=lambda line: line.event.start_us))


def _line(state: str, event: Event, start_us: int) -> Line:
    end_us = event.end_us if event.end_us is not None else event.start_us
    return Line(state, event, (event.start_us - start_us) / SECOND_US, (end_us - start_us) / SECOND_US)


def to_json(told: Report) -> dict[str, Any]:
    """Return the report as one JSON object."""
    return {
        "source": dict(told.source),
        "happened": None if told.happened is None else len(told.happened),
        "runs": [_run_json(run, told.start_us) for run in told.runs],
    }


def _run_json(run: Run, start_us: int) -> dict[str, Any]:
    cost = run.cost
    counts: dict[str, int] | None = None
    if run.matching is not None:
        counts = {
            "matched": len(run.matching.matched),
            "missed": len(run.matching.missed),
            "new": len(run.matching.new),
        }
    return {
        "name": run.name,
        "compared_with": run.against or None,
        "counts": counts,
        "events": [
            {
                "state": line.state or None,
                "label": line.event.label,
                "score": round(line.event.score, 4),
                "start": to_rfc3339(line.event.start_us),
                "end": to_rfc3339(line.event.end_us) if line.event.end_us is not None else None,
                "start_s": round(line.start_s, 3),
                "end_s": round(line.end_s, 3),
                "zones": list(line.event.zones),
                "event": line.event.id if line.state == "missed" else None,
            }
            for line in lines(run, start_us)
        ],
        "frames": cost.frames,
        "decoded": cost.decoded,
        "looked_at": cost.looked_at,
        "looks": cost.looks,
        "crops": cost.crops,
        "decode_faults": cost.decode_faults,
        "footage_s": round(cost.footage_s, 3),
        "cpu_s_per_camera_minute": round(cost.cpu_s_per_camera_minute, 3),
        "real_time_factor": round(cost.real_time_factor, 2),
    }
