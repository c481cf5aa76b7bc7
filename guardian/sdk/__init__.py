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
    SegmentStore,
    StorageKind,
    TextEmbedder,
    TextEmbedderKind,
    Tracker,
    TrackerKind,
)
from guardian.media.decoder_config import reorder_depth
from guardian.model.archive import ArchiveCheck, ArchivePlace, ArchiveRestored, ArchiveStatus
from guardian.model.camera import CameraChange, CameraState, FoundCamera
from guardian.model.classification import Classification
from guardian.model.errors import (
    BadSetting,
    CameraPathNotFound,
    CameraRefusedLogin,
    CameraStalled,
    CameraUnreachable,
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
from guardian.model.media import Codec, Packet, StreamInfo, TrackInfo
from guardian.model.segment import ContentKind, SegmentHeader, SegmentRecord
from guardian.model.sound import Sound
from guardian.model.time import Instant, Span, from_rfc3339, to_rfc3339
from guardian.model.views import LASTING_US, Hold
from guardian.model.vision import Box, Detection, Track
from guardian.platform.subprocesses import run as run_program
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
    "Classification",
    "ClassifierKind",
    "Codec",
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
    "SegmentHeader",
    "SegmentRecord",
    "SegmentStore",
    "ServiceUnavailable",
    "Sound",
    "Span",
    "StorageKind",
    "StreamInfo",
    "TextEmbedder",
    "TextEmbedderKind",
    "Track",
    "TrackInfo",
    "Tracker",
    "TrackerKind",
    "from_rfc3339",
    "hookimpl",
    "reorder_depth",
    "run_program",
    "to_rfc3339",
]
