"""Cameras as the owner sees them: state, what is wrong, what to do."""

from dataclasses import dataclass
from enum import StrEnum

from guardian.model.watching import WatchState


class CameraState(StrEnum):
    """Where a camera stands; the page shows each with a sentence."""

    STARTING = "starting"
    CONNECTING = "connecting"
    RUNNING = "running"
    RETRYING = "retrying"  # failed, and will try again by itself
    FAILED = "failed"  # failed, and only the owner can mend it
    ENDED = "ended"  # a file that was to be played once has come to its end
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """Measured over the last seconds. `fps` frames a second, `bitrate_bps` bits a second, sizes in pixels."""

    stream: str
    codec: str
    codecs: str  # RFC 6381
    width: int
    height: int
    fps: float
    bitrate_bps: float
    audio: str = ""


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """What a camera's process reports, about once a second and at each change of state.

    `problem` says what is wrong and `cure` what to do, both empty while all is well; `code` is a stable word for programs
    (`login_refused`, `not_found`, `unreachable`, `not_a_video`, `stalled`, `disk_full`, ...).
    """

    camera: str
    state: CameraState
    since_us: int
    code: str = ""
    problem: str = ""
    cure: str = ""
    recording: bool = False
    recording_paused: str = ""  # why, or empty
    streams: tuple[StreamStatus, ...] = ()
    detect_fps: float = 0.0
    motion: bool = False
    reconnects: int = 0
    dropped_packets: int = 0
    notes: tuple[str, ...] = ()  # for example: audio in G.711 is not recorded
    pid: int = 0
    vault_epoch: int = 0  # which key pair it seals to
    watch: WatchState | None = None  # None: it is not watched


@dataclass(frozen=True, slots=True)
class CameraChange:
    """A camera was added, removed, or changed its state."""

    camera: str
    name: str
    what: str  # "added" | "removed" | "state"
    state: CameraState


@dataclass(frozen=True, slots=True)
class CameraView:
    """A camera for lists, pages and the API: its settings' public part and its latest status."""

    id: str
    name: str
    kind: str
    status: CameraStatus
    detect: bool = True
    record: bool = True
    retention_days: float | None = None
    extra: tuple[tuple[str, str], ...] = ()
    zones: tuple[str, ...] = ()  # and lines, by name


@dataclass(frozen=True, slots=True)
class FoundCamera:
    """A camera that a plugin discovered: kind, settings ready to be stored, and words for the owner."""

    kind: str
    title: str
    settings: tuple[tuple[str, str], ...]
