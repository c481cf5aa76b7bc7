"""What the API sends and takes, as pydantic models: validation, JSON and OpenAPI come from these."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema, model_validator

from guardian.api.paging import MAX_LIMIT
from guardian.model.camera import CameraState, CameraView
from guardian.model.event import Event, EventState
from guardian.model.ids import is_camera_id
from guardian.model.time import from_rfc3339, to_rfc3339
from guardian.model.views import LASTING_US, Export, Hold, RecordingSpan, SearchResult, TokenInfo
from guardian.model.watching import WatchState

PREFIX = "/api/v1"
_DATE_TIME = {"type": "string", "format": "date-time", "examples": ["2026-11-23T08:15:00Z"]}


def _time(value: Any) -> int:
    if not isinstance(value, str):
        raise ValueError("must be an RFC 3339 time, such as 2026-11-23T08:15:00Z")
    return from_rfc3339(value.strip())


def _words(value: Any) -> Any:
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


def _camera_id(value: Any) -> Any:
    if isinstance(value, str) and not is_camera_id(value):
        raise ValueError("must be a camera's id: a-z, 0-9, _ and -, at most 32 characters")
    return value


TimeIn = Annotated[int, BeforeValidator(_time), WithJsonSchema(_DATE_TIME)]
TimeOut = Annotated[int, PlainSerializer(to_rfc3339, return_type=str), WithJsonSchema(_DATE_TIME)]
CameraId = Annotated[str, BeforeValidator(_camera_id)]
CodecWords = Annotated[
    frozenset[str], BeforeValidator(_words), WithJsonSchema({"type": "string", "examples": ["h264,h265"], "default": "h264"})
]


class In(BaseModel):
    """What comes in: a field that is not known is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Out(BaseModel):
    """What goes out."""

    model_config = ConfigDict(frozen=True)


# cameras


class StreamOut(Out):
    """One stream of a camera, measured over the last seconds."""

    stream: str
    codec: str
    codecs: str = Field(description="RFC 6381")
    width: int
    height: int
    fps: float
    bitrate_bps: float
    audio: str


class WatchOut(Out):
    """What watching does now, and what it left out. Counters are since the camera's process began."""

    awake: bool = Field(description="Each frame is decoded; else keyframes are glanced at.")
    why: str = Field(description="What woke it last: start, packets, picture, light, long GOP or memory.")
    woke: TimeOut | None
    excess: float = Field(description="How far packets are above the usual, summed up; wakes at alarm.")
    alarm: float
    motion_share: float = Field(description="Share of the picture that moved, in the last frame looked at.")
    packets: int
    decoded: int
    glances: int
    calm_s: int
    wakes: dict[str, int] = Field(description="How often each reason woke it.")
    looks: int = Field(description="Frames shown to the detector, at `crops` parts of them.")
    crops: int
    skipped_looks: int = Field(description="Frames left out because the detector was busy.")
    skipped_packets: int = Field(description="Packets left out because watching fell behind.")
    decoder: str

    @staticmethod
    def of(state: WatchState) -> WatchOut:
        """Make it of what a camera reported."""
        same = {name: getattr(state, name) for name in WatchOut.model_fields if name not in ("woke", "wakes")}
        return WatchOut(**same, woke=state.woke_us or None, wakes=dict(state.wakes))


class CameraOut(Out):
    """A camera and its state. `problem` says what is wrong and `cure` what to do; both empty while all is well."""

    id: str
    name: str
    state: CameraState
    kind: str
    since: TimeOut
    code: str
    problem: str
    cure: str
    recording: bool
    recording_paused: str = Field(description="Why recording is paused, or empty.")
    streams: list[StreamOut]
    detect: bool
    detect_fps: float
    motion: bool
    record: bool
    retention_days: float | None
    reconnects: int
    dropped_packets: int
    notes: list[str]
    watch: WatchOut | None = Field(description="What watching does; null where the camera is not watched or away.")
    live: str = Field(description="Path of the live WebSocket.")
    recordings: str = Field(description="Path of the recordings.")

    @staticmethod
    def of(view: CameraView) -> CameraOut:
        """Make it of a camera."""
        status = view.status
        return CameraOut(
            id=view.id,
            name=view.name,
            state=status.state,
            kind=view.kind,
            since=status.since_us,
            code=status.code,
            problem=status.problem,
            cure=status.cure,
            recording=status.recording,
            recording_paused=status.recording_paused,
            streams=[
                StreamOut(
                    stream=one.stream,
                    codec=one.codec,
                    codecs=one.codecs,
                    width=one.width,
                    height=one.height,
                    fps=round(one.fps, 2),
                    bitrate_bps=round(one.bitrate_bps),
                    audio=one.audio,
                )
                for one in status.streams
            ],
            detect=view.detect,
            detect_fps=round(status.detect_fps, 2),
            motion=status.motion,
            record=view.record,
            retention_days=view.retention_days,
            reconnects=status.reconnects,
            dropped_packets=status.dropped_packets,
            notes=list(status.notes),
            watch=WatchOut.of(status.watch) if status.watch is not None else None,
            live=f"{PREFIX}/cameras/{view.id}/live",
            recordings=f"{PREFIX}/cameras/{view.id}/recordings",
        )


class SpanQuery(In):
    """A stretch of time, by default the last 24 hours."""

    start: TimeIn | None = Field(None, description="an RFC 3339 time with offset, such as 2026-11-23T08:15:00Z")
    end: TimeIn | None = Field(None, description="an RFC 3339 time with offset, later than start")


class ClipQuery(In):
    """A stretch of time to play. `as=h264` is for players that cannot play H.265."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    start: TimeIn = Field(description="an RFC 3339 time with offset, such as 2026-11-23T08:15:00Z")
    end: TimeIn = Field(description="an RFC 3339 time with offset, later than start")
    as_: str = Field(
        "", alias="as", pattern="^(h264)?$", description="h264, for players that cannot play H.265; or leave it out"
    )


class MediaQuery(In):
    """`as=h264` is for players that cannot play H.265."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    as_: str = Field(
        "", alias="as", pattern="^(h264)?$", description="h264, for players that cannot play H.265; or leave it out"
    )


class LiveQuery(In):
    """What the player can play."""

    can: CodecWords = Field(frozenset({"h264"}), description="codecs that the player can play, such as h264,h265")
    prefer: str = Field("main", pattern="^[a-z0-9_-]{1,32}$", description="stream to prefer: main or sub")


class SpanOut(Out):
    """Unbroken footage. `open` while it is still growing."""

    start: TimeOut
    end: TimeOut
    stream: str
    codecs: str
    size_bytes: int
    open: bool

    @staticmethod
    def of(span: RecordingSpan) -> SpanOut:
        """Make it of a span."""
        return SpanOut(
            start=span.start_us,
            end=span.end_us,
            stream=span.stream,
            codecs=span.codecs,
            size_bytes=span.size_bytes,
            open=span.open,
        )


# events


class EventFilter(In):
    """Which events, newest first."""

    camera: CameraId | None = Field(None, description="id of a camera")
    label: str | None = Field(None, min_length=1, max_length=64, description="what was seen, such as person")
    zone: str | None = Field(None, min_length=1, max_length=64, description="name of a zone")
    start: TimeIn | None = Field(None, description="an RFC 3339 time with offset, such as 2026-11-23T08:15:00Z")
    end: TimeIn | None = Field(None, description="an RFC 3339 time with offset, later than start")
    limit: int = Field(50, ge=1, le=MAX_LIMIT, description=f"how many at once, 1 to {MAX_LIMIT}")
    cursor: str | None = Field(None, min_length=1, max_length=500, description="`next` of the page before")


class PathPointOut(Out):
    """Where it was at a moment; corners (x1, y1, x2, y2), each 0..1 from the top left."""

    time: TimeOut
    box: tuple[float, float, float, float]


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
    zones: list[str]
    sub_label: str = Field(description="What it is in particular, where a classifier says; empty while the vault is locked.")
    attributes: list[AttributeOut] = Field(
        description="How it looks, where a classifier says; none while the vault is locked."
    )
    protected: bool = Field(description="Nothing deletes it or its footage until the protection is taken off.")
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
            sub_label=event.sub_label,
            attributes=[AttributeOut(name=one.name, value=one.value, score=one.score) for one in event.attributes],
            protected=event.protected,
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


# protection


class HoldFilter(In):
    """Which protected spans."""

    camera: CameraId | None = Field(None, description="id of a camera")
    start: TimeIn | None = Field(None, description="an RFC 3339 time with offset, such as 2026-11-23T08:15:00Z")
    end: TimeIn | None = Field(None, description="an RFC 3339 time with offset, later than start")


class HoldIn(In):
    """A span of footage to protect."""

    camera: CameraId = Field(description="id of a camera")
    start: TimeIn = Field(description="an RFC 3339 time with offset, such as 2026-11-23T08:15:00Z")
    end: TimeIn = Field(description="an RFC 3339 time with offset, later than start")


class HoldOut(Out):
    """Protected footage: no age, no size and no full disk deletes it. `end` is null while its event goes on."""

    id: str
    camera: str
    start: TimeOut
    end: TimeOut | None
    event: str | None = Field(description="Id of the event that it belongs to.")
    created: TimeOut

    @staticmethod
    def of(hold: Hold) -> HoldOut:
        """Make it of a hold."""
        return HoldOut(
            id=hold.id,
            camera=hold.camera,
            start=hold.start_us,
            end=None if hold.end_us >= LASTING_US else hold.end_us,
            event=hold.event_id or None,
            created=hold.created_us,
        )


# exports


class ExportIn(In):
    """What to export."""

    camera: CameraId | None = Field(None, description="id of a camera; or say cameras")
    cameras: list[CameraId] = Field(
        [], max_length=100, description="ids of several cameras, which makes a ZIP; or say camera"
    )
    start: TimeIn = Field(description="an RFC 3339 time with offset, such as 2026-11-23T08:15:00Z")
    end: TimeIn = Field(description="an RFC 3339 time with offset, later than start")
    name: str = Field("", max_length=200, description="a name for the list, at most 200 characters")
    exact: bool = Field(True, description="true: shown from start to end, to the frame; false: in whole groups of pictures")
    speedup: int = Field(
        1, ge=1, le=3600, description="above 1: a timelapse of keyframes, so many times as fast, without sound"
    )
    evidence: bool = Field(False, description="a ZIP of what was recorded, with a signed list of every piece's hash")

    @model_validator(mode="after")
    def _has_cameras(self) -> ExportIn:
        if self.camera is not None and self.cameras:
            raise ValueError("say camera or cameras, not both")
        if self.evidence and self.speedup > 1:
            raise ValueError("evidence cannot be sped up: it is as recorded")
        return self


class ExportOut(Out):
    """An export job. `state`: queued, running, done, failed or cancelled. `progress` 0..1. `file` once it is done."""

    id: str
    camera: str
    cameras: list[str]
    name: str
    start: TimeOut
    end: TimeOut
    exact: bool
    speedup: int
    evidence: bool
    state: str
    progress: float
    size_bytes: int
    created: TimeOut
    problem: str
    file: str | None = Field(description="Path of the MP4, or of the ZIP.")

    @staticmethod
    def of(export: Export) -> ExportOut:
        """Make it of an export."""
        return ExportOut(
            id=export.id,
            camera=export.camera,
            cameras=list(export.cameras or (export.camera,)),
            exact=export.exact,
            speedup=export.speedup,
            evidence=export.evidence,
            name=export.name,
            start=export.start_us,
            end=export.end_us,
            state=export.state,
            progress=round(export.progress, 4),
            size_bytes=export.size_bytes,
            created=export.created_us,
            problem=export.problem,
            file=f"{PREFIX}/exports/{export.id}/file.{export.suffix}" if export.state == "done" else None,
        )


# vault and tokens


class TokenIn(In):
    """A new token."""

    name: str = Field(min_length=1, max_length=100, description="a name to know it by, at most 100 characters")


class TokenOut(Out):
    """An API token, without its secret."""

    id: str
    name: str
    user: str
    created: TimeOut
    last_used: TimeOut | None

    @staticmethod
    def of(token: TokenInfo) -> TokenOut:
        """Make it of a token."""
        return TokenOut(
            id=token.id,
            name=token.name,
            user=token.user,
            created=token.created_us,
            last_used=token.last_used_us or None,
        )


class NewTokenOut(TokenOut):
    """A new token with its secret, which is shown this once."""

    token: str
