"""What the API sends and takes of events: filters, thumbs, events themselves, and what a search finds."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from guardian.api.fields import PREFIX, CameraId, In, Out, TimeIn, TimeOut
from guardian.api.paging import MAX_LIMIT
from guardian.model.event import VERDICTS, Event, EventState, HappeningKind
from guardian.model.views import SearchResult


class EventFilter(In):
    """Which events, newest first."""

    camera: CameraId | None = Field(None, description="id of a camera")
    label: str | None = Field(None, min_length=1, max_length=64, description="what was seen, such as person")
    zone: str | None = Field(None, min_length=1, max_length=64, description="name of a zone or line")
    happening: Literal["enter", "leave", "loiter", "cross"] | None = Field(
        None, description="what happened (there, where zone is given): enter, leave, loiter or cross"
    )
    start: TimeIn | None = Field(None, description="an RFC 3339 time with offset, such as 2026-11-23T08:15:00Z")
    end: TimeIn | None = Field(None, description="an RFC 3339 time with offset, later than start")
    limit: int = Field(50, ge=1, le=MAX_LIMIT, description=f"how many at once, 1 to {MAX_LIMIT}")
    cursor: str | None = Field(None, min_length=1, max_length=500, description="`next` of the page before")
    verdict: Literal["right", "wrong", "none"] | None = Field(
        None, description="what you said of it: right, wrong, or none for events you said nothing of"
    )


class FeedbackIn(In):
    """What you think of an event."""

    verdict: Literal["right", "wrong"] | None = Field(description="right or wrong; null takes it back")


class PathPointOut(Out):
    """Where it was at a moment; corners (x1, y1, x2, y2), each 0..1 from the top left."""

    time: TimeOut
    box: tuple[float, float, float, float]


class HappeningOut(Out):
    """Something that happened at a zone or line. `direction` is of a crossing: to the left or right of the line."""

    zone: str
    what: HappeningKind
    at: TimeOut
    direction: str | None


class AttributeOut(Out):
    """One property of the thing, such as upper colour = red, and how sure that is (0..1)."""

    name: str
    value: str
    score: float


class EventOut(Out):
    """One visit of one thing to one camera, or one sound. `end` is null while it lasts; `snapshot` is null while there is none."""

    id: str
    camera: str
    label: str
    score: float
    state: EventState
    start: TimeOut
    end: TimeOut | None
    zones: list[str] = Field(description="Zones it was in and lines it crossed.")
    happenings: list[HappeningOut] = Field(description="What it did there, oldest first.")
    sub_label: str = Field(description="What it is in particular, where a classifier says; empty while the vault is locked.")
    attributes: list[AttributeOut] = Field(
        description="How it looks, where a classifier says; none while the vault is locked."
    )
    protected: bool = Field(description="Nothing deletes it or its footage until the protection is taken off.")
    verdict: Literal["right", "wrong"] | None = Field(description="What the owner said of it; null: nothing.")
    snapshot: str | None = Field(description="Path of the best picture.")
    clip: str = Field(description="Path of the clip.")
    path: list[PathPointOut] = Field(
        description="Where it was, oldest first. Told of one event by itself, and only while the vault is unlocked."
    )

    @staticmethod
    def of(event: Event) -> EventOut:
        """Make it of an event."""
        at = f"{PREFIX}/events/{event.id}"
        return EventOut(
            id=event.id,
            camera=event.camera,
            label=event.label,
            score=round(event.score, 4),
            state=event.state,
            start=event.start_us,
            end=event.end_us,
            zones=list(event.zones),
            happenings=[
                HappeningOut(zone=one.zone, what=one.what, at=one.utc_us, direction=one.direction or None)
                for one in event.happenings
            ],
            sub_label=event.sub_label,
            attributes=[AttributeOut(name=one.name, value=one.value, score=one.score) for one in event.attributes],
            protected=event.protected,
            verdict=event.verdict if event.verdict in VERDICTS else None,
            snapshot=f"{at}/snapshot.jpg" if event.snapshot else None,
            clip=f"{at}/clip.mp4",
            path=[
                PathPointOut(
                    time=point.utc_us,
                    box=tuple(round(side, 4) for side in (point.box.x1, point.box.y1, point.box.x2, point.box.y2)),
                )
                for point in event.path
            ],
        )


class SearchQuery(In):
    """What to find."""

    q: str = Field(min_length=1, max_length=300, description="what to find, in plain words")
    tz: int = Field(
        0, ge=-900, le=900, description="minutes that your clock is behind UTC (-60 for UTC+1), for words like today"
    )
    limit: int = Field(50, ge=1, le=MAX_LIMIT, description=f"how many at most, 1 to {MAX_LIMIT}")


class FoundOut(Out):
    """An event, and how well it fits (0..1)."""

    event: EventOut
    score: float


class SearchOut(Out):
    """What was found, the best first, and how the words were understood."""

    items: list[FoundOut]
    mode: str = Field(description="meaning, or words where no embedder could be asked.")
    note: str = Field(description="Why it went by words alone, or empty.")
    when: str = Field(description="The words that were taken for a time, or empty.")
    start: TimeOut | None
    end: TimeOut | None
    cameras: list[str] = Field(description="Cameras that were named; none: all.")

    @staticmethod
    def of(result: SearchResult) -> SearchOut:
        """Make it of a result."""
        return SearchOut(
            items=[FoundOut(event=EventOut.of(one.event), score=one.score) for one in result.items],
            mode=result.mode,
            note=result.note,
            when=result.when,
            start=result.start_us,
            end=result.end_us,
            cameras=list(result.cameras),
        )


class StreamQuery(In):
    """From where on."""

    after: int | None = Field(None, ge=0, description="serial of the last change seen (or send it as Last-Event-ID)")
