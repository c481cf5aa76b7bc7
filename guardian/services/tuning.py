"""Proposals for a camera's thresholds, from the owner's thumbs: facts gathered, words for them, settings to write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guardian.events.tuning import Fact, Proposal, propose
from guardian.model.errors import NotFound
from guardian.model.event import RIGHT, Event, Judged
from guardian.model.time import SECOND_US
from guardian.settings.schema import CameraSettings, DetectSettings, Settings

PER_LABEL = "rules"  # the part of a camera's `detect` that holds what is different for a label
MASKS = "object_masks"
MASK_NAME = "false_alarms"
_KEYS = {"score": "event_min_score", "seconds": "min_seconds", "area": "min_area"}


@dataclass(frozen=True, slots=True)
class Change:
    """One setting to write. `before`: what stands there now, None where the model or the program chooses."""

    key: str
    value: Any
    before: Any

    @property
    def assignment(self) -> str:
        """As `settings.override` and `guardian replay --set` take it."""
        from guardian.settings.explain import toml_text

        return f"{self.key}={toml_text(self.value)}"


@dataclass(frozen=True, slots=True)
class Advice:
    """What is proposed for a camera, or for one label on it (empty: all), from these judged events."""

    camera: str
    label: str
    proposal: Proposal
    changes: tuple[Change, ...] = ()
    judged: tuple[Event, ...] = ()


def facts_of(judged: Sequence[Judged], opened: Sequence[Event]) -> list[Fact]:
    """Return what is known of judged events. `opened`: the same events, with their boxes where the vault is unlocked."""
    return [
        Fact(
            event.id,
            one.verdict == RIGHT,
            event.score,
            ((event.end_us if event.end_us is not None else event.start_us) - event.start_us) / SECOND_US,
            event.snapshot_box.area if event.snapshot_box is not None else None,
            event.snapshot_box,
        )
        for one, event in zip(judged, opened, strict=True)
    ]


def advise(
    judged: Sequence[Judged], opened: Sequence[Event], settings: Settings, camera: str | None = None
) -> tuple[Advice, ...]:
    """Return one piece of advice for each camera, and label where settings can differ by label. NotFound for the camera."""
    known = sorted({one.event.camera for one in judged} | set(settings.cameras))
    if camera is not None and camera not in known:
        names = ", ".join(known) or "none"
        raise NotFound(f"there is no camera {camera!r}", field="--camera", cure=f"Cameras: {names}.")
    by_label = PER_LABEL in DetectSettings.model_fields
    groups: dict[tuple[str, str], list[tuple[Judged, Event]]] = {}
    for one, event in zip(judged, opened, strict=True):
        if camera in (None, event.camera):
            groups.setdefault((event.camera, event.label if by_label else ""), []).append((one, event))
    for name in settings.cameras:
        if camera in (None, name) and not any(key[0] == name for key in groups):
            groups[name, ""] = []
    return tuple(_advice(*key, group, settings, by_label) for key, group in sorted(groups.items()))


def _advice(camera: str, label: str, group: Sequence[tuple[Judged, Event]], settings: Settings, by_label: bool) -> Advice:
    facts = facts_of([one for one, _ in group], [event for _, event in group])
    if not by_label:  # there is no setting for a size: a bound of it could not be written
        facts = [Fact(one.event_id, one.right, one.score, one.seconds, None, one.box) for one in facts]
    proposal = propose(facts)
    own = settings.cameras.get(camera)
    changes = _changes(camera, label, proposal, own) if own is not None else ()
    return Advice(camera, label, proposal, changes, tuple(event for _, event in group))


def _changes(camera: str, label: str, proposal: Proposal, own: CameraSettings) -> tuple[Change, ...]:
    place = f"cameras.{camera}.detect" + (f".{PER_LABEL}.{label}" if label else "")
    found: Any = own.detect.model_dump()
    now = found.get(PER_LABEL, {}).get(label, {}) if label else found
    changes = [Change(f"{place}.{_KEYS[one.what]}", one.least, now.get(_KEYS[one.what])) for one in proposal.bounds]
    enough = not (proposal.more_right or proposal.more_wrong)  # a place is told before, but not written
    if enough and MASKS in DetectSettings.model_fields:
        for number, box in enumerate(proposal.masks, start=1):
            corners = [[box.x1, box.y1], [box.x2, box.y1], [box.x2, box.y2], [box.x1, box.y2]]
            name = f"{MASK_NAME}_{label or 'all'}_{number}"
            value = {"points": corners} | ({"labels": [label]} if label else {})
            changes.append(Change(f"cameras.{camera}.detect.{MASKS}.{name}", value, found.get(MASKS, {}).get(name)))
    return tuple(changes)


def to_json(advice: Advice) -> dict[str, Any]:
    """Return it as one JSON object."""
    one = advice.proposal
    return {
        "camera": advice.camera,
        "label": advice.label or None,
        "right": one.right,
        "wrong": one.wrong,
        "changes": [{"setting": c.key, "value": c.value, "before": c.before} for c in advice.changes],
        "kept": one.kept,
        "dropped": one.dropped,
        "expected_loss": round(one.loss, 4),
        "most_loss": round(one.most_loss, 4),
        "least_dropped": round(one.dropped_low, 4),
        "confidence": 0.95,
        "more_right": one.more_right,
        "more_wrong": one.more_wrong,
        "why": one.why,
        "places": [[box.x1, box.y1, box.x2, box.y2] for box in one.masks],
    }


def apply(data_dir: Path, changes: Sequence[Change], stamp: str) -> Path | None:
    """Write changes into the configuration, once all of it is valid; return the copy of what was there, None of no file.

    BadSetting, and nothing is changed, where the result would not be valid. Comments and other lines of the file stay.
    """
    from guardian.platform.files import replace_file
    from guardian.settings.load import config_path, read_table, refusal, save, validate
    from guardian.settings.override import overridden

    path = config_path(data_dir)
    raw = read_table(path) if path.exists() else {}
    settings, faults = validate(overridden(raw, [change.assignment for change in changes], ""))
    if settings is None:
        raise refusal(path, faults)
    backup = path.with_name(f"{path.name}.{stamp}") if path.exists() else None
    if backup is not None:
        replace_file(backup, path.read_bytes())
    save(data_dir, settings)
    return backup
