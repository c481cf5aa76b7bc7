"""/cameras/{camera}/rules: zones, lines, masks, hours, and what is different for a label."""

from __future__ import annotations

from typing import Any, Literal

from aiohttp import web
from pydantic import Field

from guardian.api.fields import In, Out
from guardian.api.routing import Operations
from guardian.model.errors import BadRequest
from guardian.services.contract import Services
from guardian.settings.schema import DetectSettings

operations = Operations("cameras")
Point = tuple[float, float]
MOST_ITEMS = 64

_POINTS = "each 0..1 from the top left"
_LABELS = "only these labels; empty: all"
_HOURS = "such as mon-fri 08:00-18:00 or 22:00-06:00, in local time; empty: always"
_NAME = "what it is called in events"


class ZoneRule(In):
    """A named polygon."""

    name: str = Field(description=_NAME)
    points: tuple[Point, ...] = Field(description=f"corners (x, y), {_POINTS}")
    labels: tuple[str, ...] = Field((), description=_LABELS)
    loiter_s: float = Field(0, description="who stays so many seconds loiters; 0: nobody does")
    makes_event: Literal["enter", "loiter", "never"] = Field("enter", description="what makes an event with require_zone")
    schedule: tuple[str, ...] = Field((), description=_HOURS)


class LineRule(In):
    """A named line."""

    name: str = Field(description=_NAME)
    points: tuple[Point, ...] = Field(description=f"its two ends (x, y), {_POINTS}")
    direction: Literal["left", "right", "both"] = Field("both", description="crossings that count, seen along the line")
    labels: tuple[str, ...] = Field((), description=_LABELS)
    makes_event: Literal["cross", "never"] = Field("cross", description="what makes an event with require_zone")
    schedule: tuple[str, ...] = Field((), description=_HOURS)


class MaskRule(In):
    """A named polygon in which things are not seen."""

    name: str = Field(description="to know it by")
    points: tuple[Point, ...] = Field(description=f"corners (x, y), {_POINTS}")
    labels: tuple[str, ...] = Field((), description="only things with these labels are ignored; empty: all")


class LabelPart(In):
    """What is different for one label; null: as for all."""

    label: str = Field(description="one of the camera's labels")
    min_score: float | None = Field(None, description="least score of a detection")
    event_min_score: float | None = Field(None, description="best score that an event must reach")
    min_area: float = Field(0, description="smaller things are ignored, as a share of the picture")
    max_area: float = Field(1, description="larger things are ignored, as a share of the picture")
    min_ratio: float | None = Field(None, description="narrower things (width over height) are ignored")
    max_ratio: float | None = Field(None, description="wider things (width over height) are ignored")
    min_frames: int | None = Field(None, description="frames in which it must be seen before it is an event")
    min_seconds: float | None = Field(None, description="seconds for which it must be seen before it is an event")


class RulesIn(In):
    """Parts that are given are put in place of those there are; all others stay."""

    labels: tuple[str, ...] | None = Field(None, description="labels that make events")
    require_zone: bool | None = Field(None, description="only what makes an event in a zone or at a line is one")
    schedule: tuple[str, ...] | None = Field(None, description=f"hours at which events may begin, {_HOURS}")
    zones: tuple[ZoneRule, ...] | None = Field(None, max_length=MOST_ITEMS, description="every zone")
    lines: tuple[LineRule, ...] | None = Field(None, max_length=MOST_ITEMS, description="every line")
    motion_masks: tuple[tuple[Point, ...], ...] | None = Field(
        None, max_length=MOST_ITEMS, description="every polygon in which motion is ignored"
    )
    object_masks: tuple[MaskRule, ...] | None = Field(None, max_length=MOST_ITEMS, description="every mask for things")
    rules: tuple[LabelPart, ...] | None = Field(None, max_length=MOST_ITEMS, description="what is different for a label")


class RulesOut(Out):
    """What the camera's watching goes by. `kept` is false after a change that holds until the end only, because config.toml does
    not know the camera."""

    labels: tuple[str, ...]
    require_zone: bool
    schedule: tuple[str, ...]
    zones: tuple[ZoneRule, ...]
    lines: tuple[LineRule, ...]
    motion_masks: tuple[tuple[Point, ...], ...]
    object_masks: tuple[MaskRule, ...]
    rules: tuple[LabelPart, ...]
    kept: bool

    @staticmethod
    def of(detect: DetectSettings, *, kept: bool = True) -> RulesOut:
        """Make it of settings."""
        return RulesOut(
            labels=detect.labels,
            require_zone=detect.require_zone,
            schedule=detect.schedule,
            zones=tuple(ZoneRule(name=name, **one.model_dump()) for name, one in detect.zones.items()),
            lines=tuple(LineRule(name=name, **one.model_dump()) for name, one in detect.lines.items()),
            motion_masks=detect.masks,
            object_masks=tuple(MaskRule(name=name, **one.model_dump()) for name, one in detect.object_masks.items()),
            rules=tuple(LabelPart(label=label, **one.model_dump()) for label, one in detect.rules.items()),
            kept=kept,
        )


@operations.add("GET", "/cameras/{camera}/rules", errors=(404,))
async def get_rules(services: Services, request: web.Request) -> RulesOut:
    """Zones, lines, masks, hours and what is different for a label."""
    return RulesOut.of(services.rules.get(request.match_info["camera"]))


@operations.add("PATCH", "/cameras/{camera}/rules", errors=(400, 404))
async def change_rules(services: Services, request: web.Request, body: RulesIn) -> RulesOut:
    """Put other rules into force, at once and in config.toml. What goes on goes on; recording does not notice."""
    camera = request.match_info["camera"]
    given = body.model_dump(exclude_none=True)
    changes: dict[str, Any] = {name: given[name] for name in ("labels", "require_zone", "schedule") if name in given}
    if "motion_masks" in given:
        changes["masks"] = given["motion_masks"]
    for kind, key in (("zones", "name"), ("lines", "name"), ("object_masks", "name"), ("rules", "label")):
        if kind in given:
            changes[kind] = _by_name(kind, key, given[kind])
    kept = await services.rules.replace(camera, changes)
    return RulesOut.of(services.rules.get(camera), kept=kept)


def _by_name(kind: str, key: str, items: tuple[dict[str, Any], ...]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for item in items:
        values = dict(item)
        name = values.pop(key)
        if name in found:
            raise BadRequest(
                f"{kind}: there is more than one {name!r}", field=f"{kind}.{name}", cure="Give each a name of its own."
            )
        found[name] = values
    return found
