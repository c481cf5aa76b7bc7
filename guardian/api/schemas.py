"""What the API sends and takes, as pydantic models: validation, JSON and OpenAPI come from these."""

from __future__ import annotations

from pydantic import ConfigDict, Field, model_validator

from guardian.api.fields import PREFIX, CameraId, CodecWords, In, Out, TimeIn, TimeOut
from guardian.model.camera import CameraState, CameraView
from guardian.model.views import LASTING_US, Export, Hold, RecordingSpan, TokenInfo
from guardian.model.watching import WatchState

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
