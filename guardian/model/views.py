"""What use cases return to pages and programs: spans, playlists, exports, vault and system state."""

from dataclasses import dataclass, field
from enum import StrEnum

from guardian.model.archive import ArchiveStatus
from guardian.model.event import Event
from guardian.model.health import Finding
from guardian.model.messages import CameraInference


@dataclass(frozen=True, slots=True)
class RecordingSpan:
    """Unbroken footage of one stream. `open` while it is still growing."""

    start_us: int
    end_us: int
    stream: str
    codecs: str
    size_bytes: int
    open: bool = False


LASTING_US = 1 << 52  # end of a hold whose event goes on: the year 2112


@dataclass(frozen=True, slots=True)
class Hold:
    """Footage of a camera that nothing deletes until the owner lets go of it. `event_id`: of which event, or empty."""

    id: str
    camera: str
    start_us: int
    end_us: int
    event_id: str
    created_us: int


@dataclass(frozen=True, slots=True)
class PlaylistEntry:
    """One fragment in playing order. `new_init`: the player must load `init` of this segment before it.

    `discontinuity`: its media clock does not go on from the entry before. `start_90k` counts on its run's clock.
    """

    segment_id: str
    index: int
    start_utc_us: int
    start_90k: int
    duration_90k: int
    size_bytes: int
    is_key: bool
    new_init: bool
    discontinuity: bool


@dataclass(frozen=True, slots=True)
class Playlist:
    """Footage of a span as fragments. `start_us` is where the first fragment begins (at or before what was asked)."""

    camera: str
    stream: str
    codecs: str
    start_us: int
    end_us: int
    growing: bool
    entries: tuple[PlaylistEntry, ...]


@dataclass(frozen=True, slots=True)
class Export:
    """An export job. `state`: queued, running, done, failed, cancelled. `progress` 0..1; `size_bytes` of the file when done.

    `cameras`: all of them, `camera` first. `exact`, `speedup`, `evidence`: see `services.export_making.ExportWish`.
    """

    id: str
    camera: str
    start_us: int
    end_us: int
    state: str
    progress: float
    size_bytes: int
    created_us: int
    problem: str = ""
    name: str = ""
    cameras: tuple[str, ...] = ()
    exact: bool = True
    speedup: int = 1
    evidence: bool = False

    @property
    def suffix(self) -> str:
        """Of its file's name: mp4, or zip of several cameras and of evidence."""
        return "zip" if self.evidence or len(self.cameras) > 1 else "mp4"


@dataclass(frozen=True, slots=True)
class Found:
    """An event that was searched for, and how well it fits, 0..1."""

    event: Event
    score: float


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Events that fit, the best first. `mode`: `meaning`, or `words` where no embedder could be asked; `note` then says why.

    What was understood: `when` in the sentence's own words with its span, and the cameras it names (empty: all).
    """

    items: tuple[Found, ...]
    mode: str
    note: str
    when: str = ""
    start_us: int | None = None
    end_us: int | None = None
    cameras: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VaultStatus:
    """`throttled_s`: seconds until another passphrase may be tried. `recovery_us`: when the recovery code was made.
    `problem`: why it was not opened at start, though it should have been. `evidence_key`: fingerprint of what signs evidence.
    """

    exists: bool
    unlocked: bool
    epoch: int
    kem: str
    throttled_s: float = 0.0
    recovery_us: int | None = None
    problem: str = ""
    evidence_key: str = ""


@dataclass(frozen=True, slots=True)
class ViewingStatus:
    """Viewing from afar. `viewers`: who look now; `last_us`: when somebody was let in last, 0 since the start."""

    on: bool
    created_us: int = 0
    viewers: int = 0
    last_us: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ViewerStatus:
    """Somebody else who may look from afar. `looking`: with how many browsers now; `last_us`: when they were let in last, 0 since the start."""

    id: str
    name: str
    since_us: int
    looking: int = 0
    last_us: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class LetIn:
    """What somebody who was let in gets, shown once."""

    id: str
    name: str
    key: str = field(repr=False)
    passphrase: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class EpochCheck:
    """How many sealed files of an epoch were opened, and which did not open."""

    number: int
    created_us: int
    opened: int
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Session:
    """A login. `csrf` must come back with every change made from a page."""

    user: str
    csrf: str
    kind: str  # "session" | "token"


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """An API token, without its secret. Times in UTC microseconds; `last_used_us` 0 when never."""

    id: str
    name: str
    user: str
    created_us: int
    last_used_us: int


@dataclass(frozen=True, slots=True)
class ProcessUse:
    """One process of ours. CPU in percent of one core over the last seconds, memory in bytes (PSS where known, else RSS)."""

    role: str
    name: str
    pid: int
    cpu_percent: float
    memory_bytes: int
    restarts: int
    since_us: int


@dataclass(frozen=True, slots=True)
class InferenceView:
    """What detects, and how fast."""

    ready: bool
    model: str = ""
    backend: str = ""
    device: str = ""
    inferences_per_s: float = 0.0
    latency_ms: float = 0.0
    dropped: int = 0
    problem: str = ""
    warning: str = ""  # it runs, but not as the settings wish
    hint: str = ""
    cameras: tuple[CameraInference, ...] = ()


class SpaceState(StrEnum):
    """How the disk is."""

    OK = "ok"
    MAKING_ROOM = "making_room"  # footage goes before its time, for new footage
    PAUSED = "paused"  # there is nothing left that may go
    FAILING = "failing"  # the disk refuses to be written


@dataclass(frozen=True, slots=True)
class CameraSpace:
    """What a camera takes of our own disk, and what it may. None: no limit. Of `size_bytes`, `held_bytes` are protected."""

    camera: str
    size_bytes: int
    held_bytes: int
    max_bytes: int | None
    max_age_us: int | None


@dataclass(frozen=True, slots=True)
class TierStatus:
    """A further place for footage, and what it has. `problem`: why footage cannot be taken there now, or empty."""

    name: str
    kind: str
    segments: int
    size_bytes: int
    problem: str = ""
    cure: str = ""


@dataclass(frozen=True, slots=True)
class SpaceStatus:
    """The disk and who takes what of it. `why` and `cure` are empty while all is well."""

    state: SpaceState
    since_us: int
    why: str = ""
    cure: str = ""
    reserve_bytes: int = 0
    max_bytes: int | None = None
    held_bytes: int = 0
    cameras: tuple[CameraSpace, ...] = ()
    tiers: tuple[TierStatus, ...] = ()


@dataclass(frozen=True, slots=True)
class SystemStatus:
    """The whole box at a glance. Sizes in bytes, CPU in percent of all cores.

    `event_delay_ms`: from the packet that made something an event until it is told; median and 95th percentile of the latest.
    """

    version: str
    started_us: int
    now_us: int
    cpu_percent: float
    cpu_count: int
    memory_total: int
    memory_used: int
    disk_total: int
    disk_free: int
    footage_bytes: int
    oldest_footage_us: int | None
    processes: tuple[ProcessUse, ...]
    inference: InferenceView
    findings: tuple[Finding, ...]
    recording_paused: str = ""
    space: SpaceStatus = SpaceStatus(SpaceState.OK, 0)
    event_delay_ms: tuple[float, float] = (0.0, 0.0)
    archives: tuple[ArchiveStatus, ...] = ()
