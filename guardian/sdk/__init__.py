"""All that a plugin may import of Guardian. Grows by addition; `API_LEVEL` says how far it has grown."""

from guardian.hookspecs import hookimpl
from guardian.interfaces import (
    Archive,
    ArchiveKind,
    AudioDetector,
    AudioDetectorKind,
    CameraKind,
    CameraSource,
    ClassifierKind,
    CropClassifier,
    Detector,
    DetectorKind,
    HealthCheck,
    Job,
    ModelSpec,
    Notification,
    Notifier,
    NotifierKind,
    RelayLink,
    RelayLinkKind,
    SegmentStore,
    StorageKind,
    TextEmbedder,
    TextEmbedderKind,
    Tracker,
    TrackerKind,
    ViewerCall,
)
from guardian.media.decoder_config import reorder_depth
from guardian.model.archive import ArchiveCheck, ArchivePlace, ArchiveRestored, ArchiveStatus
from guardian.model.camera import CameraChange, CameraState, FoundCamera
from guardian.model.classification import Classification
from guardian.model.errors import (
    BadRequest,
    BadSetting,
    CameraPathNotFound,
    CameraRefusedLogin,
    CameraStalled,
    CameraUnreachable,
    Conflict,
    Damaged,
    DeviceFault,
    EndOfSource,
    GuardianError,
    NotAVideo,
    NotFound,
    ServiceUnavailable,
)
from guardian.model.event import Attribute, Event, EventState, Happening, HappeningKind, PathPoint
from guardian.model.health import Finding, Health
from guardian.model.ids import uuid7
from guardian.model.media import Codec, Packet, StreamInfo, TrackInfo
from guardian.model.relay import RelayState, RelayStatus
from guardian.model.segment import ContentKind, SegmentHeader, SegmentRecord
from guardian.model.sound import Sound
from guardian.model.time import Instant, Span, from_rfc3339, to_rfc3339
from guardian.model.views import LASTING_US, Hold
from guardian.model.vision import Box, Detection, Track
from guardian.platform.clock import Clock, new_id
from guardian.platform.files import make_private_dir, replace_file
from guardian.platform.subprocesses import Child, Ran, run, start
from guardian.platform.tasks import Tasks
from guardian.sdk.plugin import Plugin, PluginConfig, PluginContext

API_LEVEL = 1
__version__ = "0.1.0"

__all__ = [
    "API_LEVEL",
    "LASTING_US",
    "Archive",
    "ArchiveCheck",
    "ArchiveKind",
    "ArchivePlace",
    "ArchiveRestored",
    "ArchiveStatus",
    "Attribute",
    "AudioDetector",
    "AudioDetectorKind",
    "BadRequest",
    "BadSetting",
    "Box",
    "CameraChange",
    "CameraKind",
    "CameraPathNotFound",
    "CameraRefusedLogin",
    "CameraSource",
    "CameraStalled",
    "CameraState",
    "CameraUnreachable",
    "Child",
    "Classification",
    "ClassifierKind",
    "Clock",
    "Codec",
    "Conflict",
    "ContentKind",
    "CropClassifier",
    "Damaged",
    "Detection",
    "Detector",
    "DetectorKind",
    "DeviceFault",
    "EndOfSource",
    "Event",
    "EventState",
    "Finding",
    "FoundCamera",
    "GuardianError",
    "Happening",
    "HappeningKind",
    "Health",
    "HealthCheck",
    "Hold",
    "Instant",
    "Job",
    "ModelSpec",
    "NotAVideo",
    "NotFound",
    "Notification",
    "Notifier",
    "NotifierKind",
    "Packet",
    "PathPoint",
    "Plugin",
    "PluginConfig",
    "PluginContext",
    "Ran",
    "RelayLink",
    "RelayLinkKind",
    "RelayState",
    "RelayStatus",
    "SegmentHeader",
    "SegmentRecord",
    "SegmentStore",
    "ServiceUnavailable",
    "Sound",
    "Span",
    "StorageKind",
    "StreamInfo",
    "Tasks",
    "TextEmbedder",
    "TextEmbedderKind",
    "Track",
    "TrackInfo",
    "Tracker",
    "TrackerKind",
    "ViewerCall",
    "from_rfc3339",
    "hookimpl",
    "make_private_dir",
    "new_id",
    "reorder_depth",
    "replace_file",
    "run",
    "start",
    "to_rfc3339",
    "uuid7",
]
