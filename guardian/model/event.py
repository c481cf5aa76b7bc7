"""Events: something began, went on, and ended. What a person reads on the page and a program gets from the API."""

from dataclasses import dataclass, field
from enum import StrEnum

from guardian.model.vision import Box

MOST_HAPPENINGS = 200  # of an event: who walks about in a garden all afternoon enters and leaves a few dozen times


class HappeningKind(StrEnum):
    """What can happen at a zone or a line."""

    ENTER = "enter"
    LEAVE = "leave"
    LOITER = "loiter"
    CROSS = "cross"


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened at a zone or a line, named `zone`. `direction` (left or right) is of a crossing."""

    zone: str
    what: HappeningKind
    utc_us: int
    direction: str = ""


RIGHT, WRONG = "right", "wrong"
VERDICTS = (RIGHT, WRONG)  # what the owner may say of an event
UNJUDGED = "none"  # filter: events without a verdict


class EventState(StrEnum):
    """Where an event stands."""

    ACTIVE = "active"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class PathPoint:
    """Where the thing was at a moment (UTC microseconds)."""

    utc_us: int
    box: Box


@dataclass(frozen=True, slots=True)
class Attribute:
    """One property of the thing an event is of, such as `upper colour` = `red`. `score` in 0..1."""

    name: str
    value: str
    score: float


@dataclass(frozen=True, slots=True)
class Event:
    """One visit of one thing to one camera, or one sound (then without box, path and picture).

    `score` is the best seen. `end_us` is None while it lasts. `snapshot` names the sealed picture (relative to the data
    folder's `pictures/`) or is empty. `path` holds at most a few points a second, oldest first. `zones` names the zones it
    was in and the lines it crossed, `happenings` what it did there, oldest first.
    `sub_label` says more exactly what it is, `attributes` how it looks, as far as classifiers told; like box and path they
    are sealed, and empty in what a locked vault's index gives.
    `protected`: neither it nor its footage is deleted until the owner says so. `verdict`: what the owner thinks of it, one
    of `VERDICTS` or empty.
    """

    id: str
    camera: str
    label: str
    score: float
    start_us: int
    end_us: int | None
    state: EventState
    zones: tuple[str, ...] = ()
    snapshot: str = ""
    snapshot_us: int = 0
    snapshot_box: Box | None = None
    path: tuple[PathPoint, ...] = field(default=())
    protected: bool = False
    happenings: tuple[Happening, ...] = ()
    verdict: str = ""
    sub_label: str = ""
    attributes: tuple[Attribute, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class EventChange:
    """One step in an event's life, as observers and the event stream get it. `serial` only grows."""

    serial: int
    what: str  # "start" | "update" | "end" | "delete"
    event: Event


@dataclass(frozen=True, slots=True)
class Judged:
    """What the owner said of an event, with the event's facts, which outlive it. `details`: sealed, as the index has them."""

    event: Event
    verdict: str
    given_us: int
    details: bytes | None = None


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Filter for a list of events, newest first. `cursor` is opaque, from the page before.

    `zone` with `happening`: events in which that happened there.
    """

    camera: str | None = None
    label: str | None = None
    zone: str | None = None
    happening: HappeningKind | None = None
    start_us: int | None = None
    end_us: int | None = None
    limit: int = 50
    cursor: str | None = None
    verdict: str | None = None
