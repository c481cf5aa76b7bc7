"""Every setting, its type, range, default and meaning. `guardian config explain` and the docs are made from it."""

from __future__ import annotations

import difflib
import zoneinfo
from typing import Any

from pydantic import Field, field_validator, model_validator

from guardian.model.event import HappeningKind
from guardian.model.ids import is_camera_id
from guardian.platform.local_zone import local_zone
from guardian.settings.part import Part
from guardian.settings.zones import (
    Hours,
    LabelSettings,
    LineSettings,
    MaskSettings,
    Polygon,
    ZoneSettings,
    check_labels,
    check_names,
    fault,
)


class WebSettings(Part):
    """Where the web page and the API are served."""

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for the whole network.")
    port: int = Field(8420, ge=0, le=65535, description="TCP port; 0 picks a free one.")
    session_hours: float = Field(24 * 14, gt=0, le=24 * 365, description="A login lasts this long after its last use.")


class RetentionSettings(Part):
    """How long footage is kept. The oldest goes first."""

    days: float | None = Field(
        14, gt=0, description="Delete footage older than this many days; none: keep while there is room."
    )
    max_gb: float | None = Field(None, gt=0, description="Delete the oldest above this size in GB (10^9 bytes).")


class KeepSettings(Part):
    """Footage of what happened, kept longer than the rest. When room runs short it goes last."""

    days: float = Field(gt=0, description="Keep footage with such an event this many days.")
    cameras: tuple[str, ...] = Field((), description="Only of these cameras; empty: all.")
    labels: tuple[str, ...] = Field((), description="Only events with one of these labels; empty: all.")
    zones: tuple[str, ...] = Field((), description="Only events in one of these zones; empty: anywhere.")


class TierSettings(RetentionSettings):
    """A further place for sealed footage: a big slow disk, a NAS. `days` and `max_gb` are how long it stays there."""

    days: float | None = Field(
        None, gt=0, description="Delete it there when older than this many days; none: while there is room."
    )
    kind: str = Field("folder", description="Kind of storage (see `guardian plugins list`).")
    settings: dict[str, Any] = Field(default_factory=dict, description="Settings of its kind, such as path.")
    after_days: float = Field(
        0, ge=0, description="Take footage there when it is this many days old; 0: as soon as a file is finished."
    )
    move: bool = Field(
        False, description="Give up our own copy once it is there; false: keep both, until retention takes our own."
    )
    cameras: tuple[str, ...] = Field((), description="Only footage of these cameras; empty: all.")
    reserve_gb: float = Field(1.0, ge=0, description="Keep this much free there: the oldest goes for it.")


class StorageSettings(RetentionSettings):
    """Disk space over all cameras."""

    tiers: dict[str, TierSettings] = Field(default_factory=dict, description="Further places for footage, by name.")

    keep: dict[str, KeepSettings] = Field(
        default_factory=dict, description="Rules, by name, that keep footage longer in which something happened."
    )

    reserve_gb: float = Field(
        1.0, ge=0, description="Keep this much of the disk free; recording pauses when that cannot be had."
    )


class RecordSettings(Part):
    """Recording of one camera."""

    enabled: bool = Field(True, description="Record this camera.")
    segment_s: float = Field(60.0, ge=5, le=600, description="Length of a segment file in seconds; it ends at a keyframe.")
    fsync_s: float = Field(2.0, ge=0, le=60, description="Make what was recorded durable at least this often, in seconds.")
    sub_stream: bool = Field(False, description="Record the sub stream too.")


class DetectSettings(Part):
    """Watching and detection of one camera."""

    enabled: bool = Field(True, description="Watch this camera.")
    fps: float = Field(5.0, gt=0, le=30, description="Frames a second to look at while something moves.")
    lazy: bool = Field(
        True,
        description="While nothing moves, decode a keyframe now and then only; off: decode every frame, at five times the work.",
    )
    decoder: str = Field(
        "auto",
        pattern="^(auto|software|qsv|cuda|vaapi)$",
        description="What decodes: auto (hardware that gives the right picture, else software), software, qsv, cuda or vaapi.",
    )
    glance_s: float = Field(
        4.0, ge=1, le=60, description="While nothing moves, glance at a keyframe at least this often, in seconds."
    )
    stream: str = Field("auto", description="Stream to watch: auto (the sub stream when there is one), main or sub.")
    labels: tuple[str, ...] = Field(
        ("person", "cat", "dog", "car", "bicycle", "vehicle"), description="Labels that make events."
    )
    min_score: float | None = Field(None, ge=0, le=1, description="Least score of a detection; none: the model's own.")
    event_min_score: float | None = Field(
        None, ge=0, le=1, description="Best score that an event must reach; none: chosen for the model."
    )
    min_seconds: float = Field(0.6, ge=0, description="A thing must be seen this long before it is an event.")
    end_after_s: float = Field(5.0, gt=0, description="An event ends when the thing has been gone this long.")
    rules: dict[str, LabelSettings] = Field(default_factory=dict, description="What is different for a label, by label.")
    schedule: Hours = Field(
        (),
        description="Hours at which events may begin, such as `mon-fri 08:00-18:00`, `sat,sun` or `22:00-06:00` (ends the next "
        "day), in local time; empty: always.",
    )
    zones: dict[str, ZoneSettings] = Field(default_factory=dict, description="Zones by name.")
    lines: dict[str, LineSettings] = Field(default_factory=dict, description="Lines by name.")
    require_zone: bool = Field(
        False, description="Only things that did in a zone or at a line what makes an event there make events."
    )
    masks: tuple[Polygon, ...] = Field((), description="Polygons in which motion is ignored.")
    object_masks: dict[str, MaskSettings] = Field(
        default_factory=dict, description="Polygons, by name, in which things are not seen."
    )
    classifiers: tuple[str, ...] = Field(
        (),
        description="Classifiers that say more of an event's best pictures, such as colours (see `guardian plugins list`).",
    )
    pre_s: float = Field(5.0, ge=0, le=60, description="Seconds of footage before an event in its clip.")
    post_s: float = Field(5.0, ge=0, le=60, description="Seconds of footage after an event in its clip.")

    @model_validator(mode="after")
    def _fits_together(self) -> DetectSettings:
        check_names(self.zones, self.lines)
        used = {
            f"{kind}.{name}.labels": one.labels
            for kind, named in (("zones", self.zones), ("lines", self.lines), ("object_masks", self.object_masks))
            for name, one in named.items()
        }
        check_labels(self.labels, used | {f"rules.{label}": (label,) for label in self.rules})
        if self.require_zone and self._makes_none():
            raise fault(
                "there is no zone or line that makes an event", "Draw one, or turn require_zone off.", "require_zone"
            )
        return self

    def _makes_none(self) -> bool:
        places: list[ZoneSettings | LineSettings] = [*self.zones.values(), *self.lines.values()]
        return all(one.makes_event == "never" for one in places)


class AudioSettings(Part):
    """Listening to one camera. Sound is decoded only where this is on."""

    enabled: bool = Field(False, description="Listen to this camera's sound, whatever codec it has.")
    detectors: tuple[str, ...] = Field(
        ("audio_events",), description="Detectors of sounds to use (see `guardian plugins list`)."
    )
    labels: tuple[str, ...] = Field((), description="Only these sounds make events, such as smoke_alarm; empty: all.")
    end_after_s: float = Field(8.0, gt=0, le=600, description="An event ends when the sound has been gone this long.")


class CameraSettings(Part):
    """One camera. `source` holds the settings of its kind (see `guardian plugins list`)."""

    name: str = Field("", description="Name for people; empty: the camera's id.")
    kind: str = Field(description="Kind of camera: rtsp, usb, file, testpattern, or one that a plugin brings.")
    enabled: bool = Field(True, description="Use this camera.")
    source: dict[str, Any] = Field(default_factory=dict, description="Settings of its kind, such as url.")
    record: RecordSettings = RecordSettings()
    detect: DetectSettings = DetectSettings()
    audio: AudioSettings = AudioSettings()
    retention: RetentionSettings = Field(
        RetentionSettings(days=None), description="Overrides for this camera; none: the general ones."
    )


class DetectorSettings(Part):
    """Which model runs where."""

    model: str = Field("default", description="Name of a model (`guardian models list`) or a path to one.")
    backend: str = Field("auto", description="auto, openvino or onnxruntime.")
    device: str = Field("AUTO", description="Device of the backend, such as CPU, GPU, NPU or AUTO.")
    tracker: str = Field("bytetrack", description="Tracker to follow things with.")
    threads: int = Field(0, ge=0, le=64, description="Inference threads; 0: chosen by the backend.")
    hint: str = Field(
        "auto",
        pattern="^(auto|latency|throughput)$",
        description="latency: one request at a time on all cores; throughput: several at once; auto: by load.",
    )
    memory_mib: int = Field(
        2048,
        ge=0,
        le=1 << 20,
        description="Memory in MiB above which the inference process is started again; 0: no limit.",
    )


class SearchSettings(Part):
    """Searching events in plain words."""

    embedder: str = Field(
        "auto", description="Text embedder to search by meaning with; auto: one that is installed; none: by words alone."
    )


class VaultSettings(Part):
    """Unlocking."""

    unlock_file: str = Field(
        "",
        description="File that holds the passphrase, read at start, for those who choose to; empty: the systemd credential "
        "guardian-passphrase where there is one, else unlock by hand.",
    )
    auto_lock_minutes: float | None = Field(
        None,
        gt=0,
        description="Lock again after this long without use, and after 8 hours whatever plays; none: stay unlocked.",
    )


class PluginsSettings(Part):
    """Plugins that are off, and settings of those that are on."""

    disabled: tuple[str, ...] = Field((), description="Names of plugins not to load.")
    settings: dict[str, dict[str, Any]] = Field(default_factory=dict, description="Settings by plugin name.")


class NotifySettings(Part):
    """One way to be told."""

    kind: str = Field(description="Kind of notifier, such as webhook.")
    labels: tuple[str, ...] = Field(("person", "smoke_alarm"), description="Labels to tell about; empty: all.")
    cameras: tuple[str, ...] = Field((), description="Cameras to tell about; empty: all.")
    zones: tuple[str, ...] = Field((), description="Zones and lines to tell about; empty: all, and what is in none.")
    happenings: tuple[HappeningKind, ...] = Field(
        (),
        description="Tell once one of these has happened (in one of those zones): enter, leave, loiter or cross; empty: at once.",
    )
    settings: dict[str, Any] = Field(default_factory=dict, description="Settings of its kind.")


class PlaceSettings(Part):
    """Where the cameras are."""

    time_zone: str = Field(
        "", description="Time zone of schedules, such as Europe/Berlin; empty: the machine's. Summer time is kept by itself."
    )

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            local_zone(name)
        except ValueError as error:
            known = sorted(zoneinfo.available_timezones())
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            cure = f"Did you mean {near[0]}?" if near else "Write it like Europe/Berlin or America/New_York."
            raise fault(str(error), cure if known else "This machine knows no time zones: install tzdata.") from error
        return name


class LogSettings(Part):
    """Logs on stderr."""

    level: str = Field("info", pattern="^(debug|info|warning|error)$", description="Least level to show.")
    format: str = Field("text", pattern="^(text|json)$", description="text or json.")


class Settings(Part):
    """The whole configuration, `DATA/config.toml`."""

    web: WebSettings = WebSettings()
    storage: StorageSettings = StorageSettings()
    detector: DetectorSettings = DetectorSettings()
    search: SearchSettings = SearchSettings()
    vault: VaultSettings = VaultSettings()
    plugins: PluginsSettings = PluginsSettings()
    log: LogSettings = LogSettings()
    place: PlaceSettings = PlaceSettings()
    cameras: dict[str, CameraSettings] = Field(default_factory=dict, description="Cameras by id.")
    notify: dict[str, NotifySettings] = Field(default_factory=dict, description="Notifiers by name.")

    @model_validator(mode="after")
    def _camera_ids(self) -> Settings:
        for camera in self.cameras:
            if not is_camera_id(camera):
                raise ValueError(
                    f"camera id {camera!r} must be 1 to 32 of a-z, 0-9, _ and -, beginning with a letter or digit"
                )
        rules = [(f"storage.keep.{name}", rule.cameras) for name, rule in self.storage.keep.items()]
        rules += [(f"storage.tiers.{name}", tier.cameras) for name, tier in self.storage.tiers.items()]
        for path, cameras in rules:
            for camera in cameras:
                if camera not in self.cameras:
                    raise ValueError(f"{path}.cameras: there is no camera {camera!r}")
        return self
