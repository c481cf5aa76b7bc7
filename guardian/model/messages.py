"""Messages between processes. Each is a frozen value; media bytes travel beside it as the payload (see platform.ipc)."""

from dataclasses import dataclass, field
from typing import Literal

from guardian.model.camera import CameraStatus
from guardian.model.classification import Classification
from guardian.model.event import Event
from guardian.model.segment import FragmentMeta, SegmentHeader, SegmentRecord
from guardian.model.vision import Detection

# camera → conductor


@dataclass(frozen=True, slots=True)
class Hello:
    """First on every link: who speaks, and the secret its starter gave it."""

    role: str  # "camera" | "inference"
    name: str
    pid: int
    secret: str
    type: Literal["hello"] = "hello"


@dataclass(frozen=True, slots=True)
class StatusReport:
    """About once a second, and at each change of state."""

    status: CameraStatus
    type: Literal["status"] = "status"


@dataclass(frozen=True, slots=True)
class SegmentOpened:
    """A new segment file exists; its first record is the sealed init segment."""

    header: SegmentHeader
    epoch: int
    path: str
    type: Literal["segment_opened"] = "segment_opened"


@dataclass(frozen=True, slots=True)
class FragmentSealed:
    """One more fragment is in the file."""

    segment_id: str
    meta: FragmentMeta
    type: Literal["fragment_sealed"] = "fragment_sealed"


@dataclass(frozen=True, slots=True)
class SegmentClosed:
    """A segment is complete on disk and can be indexed."""

    record: SegmentRecord
    type: Literal["segment_closed"] = "segment_closed"


@dataclass(frozen=True, slots=True)
class EventReport:
    """An event started, went on, or ended.

    `arrived_us`: of a start, when the packet came whose frame made it an event (monotonic; 0 where no packet did).
    """

    what: Literal["start", "update", "end"]
    event: Event
    arrived_us: int = 0
    type: Literal["event"] = "event"


@dataclass(frozen=True, slots=True)
class CropSeen:
    """Payload: JPEG of the thing an event is of, a little wider than its box. `quality`: of its picture; only comparisons mean
    something."""

    event_id: str
    label: str
    quality: float
    type: Literal["crop_seen"] = "crop_seen"


@dataclass(frozen=True, slots=True)
class LiveInit:
    """Payload: MP4 init segment of a live stream. `codecs`: RFC 6381. `feed` names stream and encoding, as asked for."""

    feed: str
    codecs: str
    width: int
    height: int
    note: str = ""
    type: Literal["live_init"] = "live_init"


@dataclass(frozen=True, slots=True)
class LiveFragment:
    """Payload: one moof + mdat (one video frame, or the audio between two). `arrived_us`: monotonic, for latency."""

    feed: str
    is_key: bool
    arrived_us: int
    type: Literal["live_fragment"] = "live_fragment"


# conductor → camera


@dataclass(frozen=True, slots=True)
class WantLive:
    """Begin or end sending a feed: `main`, `sub`, or `main/h264` for a transcode that every browser plays."""

    feed: str
    on: bool
    type: Literal["want_live"] = "want_live"


@dataclass(frozen=True, slots=True)
class PauseRecording:
    """Stop or resume writing (disk full); watching goes on."""

    paused: bool
    why: str = ""
    type: Literal["pause_recording"] = "pause_recording"


@dataclass(frozen=True, slots=True)
class NewVaultKey:
    """Seal what comes to this public key from the next segment on. Payload: public key bytes."""

    epoch: int
    type: Literal["new_vault_key"] = "new_vault_key"


@dataclass(frozen=True, slots=True)
class NewRules:
    """Go by these rules of watching and events from now on; what goes on goes on. `detect_json`: settings.schema as text."""

    detect_json: str
    time_zone: str
    type: Literal["new_rules"] = "new_rules"


@dataclass(frozen=True, slots=True)
class Stop:
    """Close the segment and end."""

    why: str = ""
    type: Literal["stop"] = "stop"


# camera → inference and back


@dataclass(frozen=True, slots=True)
class InferRequest:
    """Look at `count` tensors that lie in shared memory from slot `slot` on (see platform.shared_frames)."""

    ticket: int
    slot: int
    count: int
    type: Literal["infer"] = "infer"


@dataclass(frozen=True, slots=True)
class InferReply:
    """What was found, one tuple a tensor, boxes relative to that tensor's picture. `error` is empty when all went well."""

    ticket: int
    detections: tuple[tuple[Detection, ...], ...] = ()
    error: str = ""
    type: Literal["infer_reply"] = "infer_reply"


@dataclass(frozen=True, slots=True)
class ModelReady:
    """Inference says what it runs and what it wants: input size in pixels, colour order, labels it can find."""

    model: str
    backend: str
    device: str
    width: int
    height: int
    colour: str  # "rgb" | "bgr"
    pad: int  # letterbox fill value, 0..255
    labels: tuple[str, ...]
    threshold: float = 0.4
    type: Literal["model_ready"] = "model_ready"


@dataclass(frozen=True, slots=True)
class CameraInference:
    """What one camera asked of inference since that process started. Times in milliseconds: median, 95th percentile of the latest."""

    camera: str
    asked: int = 0
    answered: int = 0
    skipped: int = 0  # a newer picture came first
    failed: int = 0
    wait_ms: tuple[float, float] = (0.0, 0.0)
    infer_ms: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class InferenceStats:
    """inference → conductor, about once a second: also its sign of life. `error`: nothing is detected. `warning`: not as wished.

    `loading`: a model is being made ready, which may keep the process silent for long.
    """

    model: str
    backend: str
    device: str
    inferences_per_s: float
    latency_ms: float
    dropped: int
    cameras: int
    error: str = ""
    warning: str = ""
    loading: bool = False
    hint: str = ""  # "latency" | "throughput" | "": as the runtime likes
    per_camera: tuple[CameraInference, ...] = ()
    type: Literal["inference_stats"] = "inference_stats"


@dataclass(frozen=True, slots=True)
class Attach:
    """camera → inference: the shared memory's descriptor rides along with this one."""

    camera: str
    slots: int
    slot_bytes: int
    type: Literal["attach"] = "attach"


# conductor → inference and back


@dataclass(frozen=True, slots=True)
class UseDetector:
    """Load this (`detector_json`: a part of settings.schema) beside what runs, and run it instead once it has proved itself."""

    ticket: int
    detector_json: str
    type: Literal["use_detector"] = "use_detector"


@dataclass(frozen=True, slots=True)
class DetectorUsed:
    """How that went. `error` is empty when it runs; else what ran before still does."""

    ticket: int
    code: str = ""
    error: str = ""
    field: str = ""
    cure: str = ""
    type: Literal["detector_used"] = "detector_used"


# conductor → insight process and back


@dataclass(frozen=True, slots=True)
class ClassifyRequest:
    """Ask one classifier about a crop. Payload: its JPEG."""

    ticket: int
    classifier: str
    label: str
    type: Literal["classify"] = "classify"


@dataclass(frozen=True, slots=True)
class ClassifyReply:
    """What it says; `error` is empty when all went well."""

    ticket: int
    said: Classification = field(default=Classification())
    error: str = ""
    type: Literal["classify_reply"] = "classify_reply"


@dataclass(frozen=True, slots=True)
class EmbedRequest:
    """Turn texts into vectors."""

    ticket: int
    embedder: str
    texts: tuple[str, ...]
    type: Literal["embed"] = "embed"


@dataclass(frozen=True, slots=True)
class RankRequest:
    """How near a text is to vectors. Payload: `count` vectors one after the other, as EmbedReply gives them."""

    ticket: int
    embedder: str
    text: str
    count: int
    type: Literal["rank"] = "rank"


@dataclass(frozen=True, slots=True)
class EmbedReply:
    """To EmbedRequest; payload: one vector a text, a signed byte a dimension. To RankRequest: a float32 (little endian) a
    vector, their cosine. `error` is empty when all went well."""

    ticket: int
    error: str = ""
    type: Literal["embed_reply"] = "embed_reply"


# conductor → transcoder and back


@dataclass(frozen=True, slots=True)
class TranscodeRequest:
    """Payload: an H.265 MP4 init segment and fragments that begin at a keyframe, one after the other, of these sizes."""

    ticket: int
    init_bytes: int
    fragment_bytes: tuple[int, ...] = ()
    type: Literal["transcode"] = "transcode"


@dataclass(frozen=True, slots=True)
class TranscodeReply:
    """Payload: the H.264 init segment, then the last fragment (none where none was sent). `error` is empty when all went well."""

    ticket: int
    init_bytes: int = 0
    error: str = ""
    type: Literal["transcode_reply"] = "transcode_reply"


Message = (
    Hello
    | StatusReport
    | SegmentOpened
    | FragmentSealed
    | SegmentClosed
    | EventReport
    | LiveInit
    | LiveFragment
    | WantLive
    | PauseRecording
    | NewVaultKey
    | NewRules
    | Stop
    | InferRequest
    | InferReply
    | ModelReady
    | InferenceStats
    | Attach
    | UseDetector
    | DetectorUsed
    | TranscodeRequest
    | TranscodeReply
    | CropSeen
    | ClassifyRequest
    | ClassifyReply
    | EmbedRequest
    | RankRequest
    | EmbedReply
)


@dataclass(frozen=True, slots=True)
class CameraJob:
    """All a camera process needs to know, given at its start. `source` is the plugin's own settings, validated by it.

    `options` are the camera's plain settings (record, detect, labels, zones, ...) as JSON text of settings.schema.
    """

    camera: str
    name: str
    kind: str  # camera kind, such as "rtsp"
    plugin: str  # module:Class that provides it
    options_json: str
    data_dir: str
    vault_public_key: bytes
    vault_epoch: int
    conductor_socket: str
    inference_socket: str
    secret: str
    tracker_plugin: str = ""
    tracker: str = ""
    audio_plugins: tuple[str, ...] = ()
    plugins_json: str = "{}"
    log_json: bool = False
    notes: tuple[str, ...] = field(default=())
    time_zone: str = ""  # of schedules; empty: the machine's


@dataclass(frozen=True, slots=True)
class InferenceJob:
    """All the inference process needs to know. `detector_json` and `plugins_json` are parts of settings.schema as JSON text."""

    name: str  # as in Hello
    data_dir: str
    detector_json: str
    plugins_json: str
    conductor_socket: str
    inference_socket: str
    secret: str
    log_json: bool = False
