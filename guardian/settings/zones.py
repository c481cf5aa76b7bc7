"""Settings of zones, lines, masks, hours and single labels: what a polygon, a line and a time of the week must be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from guardian.model.schedule import window_of
from guardian.model.zone import area, crosses_itself
from guardian.settings.part import Part

MOST_POINTS = 64
LEAST_AREA = 0.0001  # of the picture: 200 pixels of 1080p
STILL_ENDS_S = 600  # events.stationary.STILL_ENDS_US of what does not park

Points = tuple[tuple[float, float], ...]


def fault(message: str, cure: str, at: str = "") -> PydanticCustomError:
    """Return the error of a setting with its cure. `at`: where below the setting that is validated."""
    return PydanticCustomError("setting", "{message}", {"message": message, "cure": cure, "at": at})


def _in_picture(points: Points) -> Points:
    for number, (x, y) in enumerate(points, 1):
        if not (0 <= x <= 1 and 0 <= y <= 1):
            raise fault(
                f"point {number} ({x:g}, {y:g}) lies outside the picture",
                "Points must lie in 0..1: (0, 0) is the top left corner of the picture, (1, 1) the bottom right.",
            )
    if len(points) > MOST_POINTS:
        raise fault(f"has {len(points)} points", f"Draw it with at most {MOST_POINTS}.")
    return points


def _polygon(points: Points) -> Points:
    if len(points) < 3:
        raise fault(
            f"needs at least three points, not {len(points)}", "Corners as (x, y), each 0..1. For a line of two: lines."
        )
    _in_picture(points)
    if any(a == b for a, b in pairwise((points[-1], *points))):
        raise fault(
            "has one corner twice in a row", "Leave one of the two out; the last corner is joined to the first by itself."
        )
    if crosses_itself(points):
        raise fault("its outline crosses itself", "Give the corners in the order in which you would walk around it.")
    if area(points) < LEAST_AREA:
        raise fault("is too small to hold anything", "Draw it larger.")
    return points


def _two_points(points: Points) -> Points:
    if len(points) != 2 or points[0] == points[1]:
        raise fault("a line needs two different points", "Write [[x, y], [x, y]]; for an area of more points: zones.")
    return _in_picture(points)


def _hours(windows: tuple[str, ...]) -> tuple[str, ...]:
    for text in windows:
        try:
            window_of(text)
        except ValueError as error:
            message, _, cure = str(error).partition(". ")
            raise fault(message, cure or "Write it like `mon-fri 08:00-18:00`, `sat,sun` or `22:00-06:00`.") from error
    return windows


Polygon = Annotated[Points, AfterValidator(_polygon)]
Hours = Annotated[tuple[str, ...], AfterValidator(_hours)]
_HOURS = "such as `mon-fri 08:00-18:00`, `sat,sun` or `22:00-06:00` (ends the next day), in local time; empty: always."


class ZoneSettings(Part):
    """A named polygon over the picture."""

    points: Polygon = Field(description="Corners as (x, y), each 0..1 from the top left.")
    labels: tuple[str, ...] = Field((), description="Only these labels count here; empty: all.")
    loiter_s: float = Field(
        0, ge=0, le=STILL_ENDS_S, description="Who stays this many seconds loiters, which the event tells; 0: nobody does."
    )
    makes_event: Literal["enter", "loiter", "never"] = Field(
        "enter", description="What must happen here for a thing to make an event, where require_zone is on."
    )
    schedule: Hours = Field((), description=f"Hours at which this zone is there, {_HOURS}")

    @model_validator(mode="after")
    def _loiters(self) -> ZoneSettings:
        if self.makes_event == "loiter" and not self.loiter_s:
            raise fault(
                "is needed where loitering makes an event", "Say after how many seconds somebody loiters.", "loiter_s"
            )
        return self


class LineSettings(Part):
    """A named line over the picture that things cross."""

    points: Annotated[Points, AfterValidator(_two_points)] = Field(
        description="Its two ends as (x, y), each 0..1 from the top left: from the first to the second."
    )
    direction: Literal["left", "right", "both"] = Field(
        "both", description="Crossings that count: to the left or right of one who looks from the first end to the second."
    )
    labels: tuple[str, ...] = Field((), description="Only these labels count here; empty: all.")
    makes_event: Literal["cross", "never"] = Field(
        "cross", description="What must happen here for a thing to make an event, where require_zone is on."
    )
    schedule: Hours = Field((), description=f"Hours at which this line is there, {_HOURS}")


class MaskSettings(Part):
    """A named polygon in which things are not seen: what stands with its feet in it is ignored."""

    points: Polygon = Field(description="Corners as (x, y), each 0..1 from the top left.")
    labels: tuple[str, ...] = Field((), description="Only things with these labels are ignored; empty: all.")


class LabelSettings(Part):
    """What is different for one label."""

    min_score: float | None = Field(None, ge=0, le=1, description="Least score of a detection; none: as for all labels.")
    event_min_score: float | None = Field(
        None, ge=0, le=1, description="Best score that an event must reach; none: as for all labels."
    )
    min_area: float = Field(
        0, ge=0, le=1, description="Smaller things are ignored; share of the picture, 0.01 is a hundredth."
    )
    max_area: float = Field(1, gt=0, le=1, description="Larger things are ignored; share of the picture.")
    min_ratio: float | None = Field(
        None, gt=0, description="Things narrower than this (width over height) are ignored; none: no limit."
    )
    max_ratio: float | None = Field(
        None, gt=0, description="Things wider than this (width over height) are ignored; none: no limit."
    )
    min_frames: int | None = Field(
        None, ge=1, le=1000, description="A thing must be seen in this many frames before it is an event; none: 3."
    )
    min_seconds: float | None = Field(
        None, ge=0, description="A thing must be seen this long before it is an event; none: as for all labels."
    )

    @model_validator(mode="after")
    def _in_order(self) -> LabelSettings:
        if self.min_area >= self.max_area:
            raise fault("is not below max_area: nothing could be seen", "Lower it, or raise max_area.", "min_area")
        if self.min_ratio is not None and self.max_ratio is not None and self.min_ratio >= self.max_ratio:
            raise fault("is not below max_ratio: nothing could be seen", "Lower it, or raise max_ratio.", "min_ratio")
        return self


def check_names(zones: Iterable[str], lines: Iterable[str]) -> None:
    """Names of zones and lines stand side by side in events: each is there once, however it is written."""
    seen: dict[str, str] = {}
    for kind, names in (("zones", zones), ("lines", lines)):
        for name in names:
            if not name.strip() or len(name) > 64 or not name.isprintable():
                raise fault(f"{name!r} is no name", "Give it a name of 1 to 64 letters.", f"{kind}.{name}")
            key = name.strip().casefold()
            if key in seen:
                raise fault(f"there is already {seen[key]}", "Give each zone and line a name of its own.", f"{kind}.{name}")
            seen[key] = f"{kind}.{name}"


def check_labels(known: Iterable[str], used: Mapping[str, Iterable[str]]) -> None:
    """A label that the camera does not look for would never count. `used`: labels by the setting that names them."""
    allowed = tuple(known)
    for at, labels in used.items():
        for label in labels:
            if label not in allowed:
                near = difflib.get_close_matches(label, allowed, n=1)
                meant = f"Did you mean {near[0]}? " if near else ""
                raise fault(
                    f"{label!r} is none of this camera's labels",
                    f"{meant}Labels: {', '.join(allowed) or 'none'}; add it to detect.labels to look for it.",
                    at,
                )
