"""What a plugin may supply. Each thing is offered as a `...Kind` record by a declare hook; Guardian makes the instances.

Image arrays are numpy `uint8`; this module names them as `Any`-free protocols without importing numpy.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from pydantic import BaseModel

    from guardian.model.archive import ArchiveCheck, ArchiveRestored, ArchiveStatus
    from guardian.model.classification import Classification
    from guardian.model.event import Event
    from guardian.model.health import Finding
    from guardian.model.media import Packet, StreamInfo
    from guardian.model.relay import MemberDevice, RelayStatus
    from guardian.model.segment import SegmentRecord
    from guardian.model.sound import Sound
    from guardian.model.vision import Detection, Track


class CameraSource(Protocol):
    """One open camera stream. Blocking, for it owns a thread of its camera's own process.

    Raises the `DeviceFault` family (`CameraUnreachable`, `CameraRefusedLogin`, `CameraPathNotFound`, `NotAVideo`,
    `EndOfSource`), each with a cure; messages must not contain passwords.

    A source may also have `allow_delay(seconds: float)`, called from another thread: packets may be given so much later
    than they come, so that several can be taken in at once, which saves work. 0 while somebody looks at the stream live.
    """

    def open(self, stop: threading.Event) -> StreamInfo:
        """Connect and learn what comes. Must return or raise within its own time limit (10 s at the most)."""
        ...

    def read(self, timeout_s: float) -> Packet | None:
        """Return the next packet, or None when none came within `timeout_s`."""
        ...

    def close(self) -> None:
        """Let go of the device; may be called twice, and from another thread to break a hung read."""
        ...


@dataclass(frozen=True, slots=True)
class CameraKind:
    """A kind of camera. `make(settings, stream)` returns a closed source for stream `main` or `sub`.

    `settings` is the validated instance of `config_model`; `streams(settings)` names the streams it has, main first.
    `live` is False for sources that may be re-read at will (files).
    """

    name: str
    title: str
    config_model: type[BaseModel]
    make: Callable[[BaseModel, str], CameraSource]
    streams: Callable[[BaseModel], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A detector model: files, family and numbers from its card (`guardian/detect/catalogue.py` fills it)."""

    name: str
    path: str
    family: str  # "ssd" | "yolo" | "yolox" | "nanodet" | "omz_ssd" | "tflite_ssd"
    width: int
    height: int
    labels: tuple[str, ...]
    threshold: float
    keep: frozenset[str] = frozenset()  # labels to report; empty: all
    options: tuple[tuple[str, str], ...] = ()

    def option(self, name: str, default: str = "") -> str:
        """Return one of the options: mean, scale (three numbers, comma-separated), colour, cache_dir, threads, ..."""
        return dict(self.options).get(name, default)


class Detector(Protocol):
    """A loaded network on one device. Blocking; as many threads may call `infer` at once as `parallel` says.

    May also have `notes: tuple[str, ...]`, sentences for the owner (that it fell back from a device), and `spec: ModelSpec`
    where it brings a model of its own, family `detections`. Raises ServiceUnavailable when another machine that does the work
    is away: the local model stands in until it is back. BlockingIOError: skipped, that machine has too much to do.
    """

    @property
    def parallel(self) -> int:
        """How many `infer` calls at once use the device fully, 1 or more."""
        ...

    @property
    def device(self) -> str:
        """Device in use, for the owner, such as `CPU (OpenVINO 2026.4)`."""
        ...

    def infer(self, batch: NDArray[np.uint8]) -> list[list[NDArray[np.float32]]]:
        """Run pictures (N, H, W, 3, model's colour order) and return the raw output arrays of each one."""
        ...

    def close(self) -> None:
        """Release the device."""
        ...


@dataclass(frozen=True, slots=True)
class DetectorKind:
    """A runtime for models, or another machine. `can_run(spec)` says no with a reason, or returns an empty string. `rank`: lower is preferred."""

    name: str
    title: str
    rank: int
    can_run: Callable[[ModelSpec], str]
    make: Callable[[ModelSpec, str], Detector]  # (model, device or "AUTO")
    devices: Callable[[], tuple[str, ...]]
    remote: bool = False  # another machine does the work: only used when it is named, and a local model stands in for it


class Tracker(Protocol):
    """Follows things over frames of one camera. Pure: no clock, no I/O."""

    def update(self, utc_us: int, detections: Sequence[Detection]) -> tuple[Track, ...]:
        """Take one frame's detections and return every live track."""
        ...


@dataclass(frozen=True, slots=True)
class TrackerKind:
    """A tracking algorithm."""

    name: str
    title: str
    make: Callable[[], Tracker]


class CropClassifier(Protocol):
    """Says more of one thing than its label. Blocking; it runs in a process beside all others, which ends when a call takes
    longer than its deadline: nothing else waits for it, and nothing else falls with it.
    """

    def classify(self, picture: NDArray[np.uint8], label: str) -> Classification:
        """Look at one picture (H, W, 3; blue, green, red) of a thing of that label, a little wider than its box."""
        ...


@dataclass(frozen=True, slots=True)
class ClassifierKind:
    """A classifier of crops. `labels`: of which things it knows more. `make()` may take its time: it loads the model."""

    name: str
    title: str
    labels: frozenset[str]
    make: Callable[[], CropClassifier]


class AudioDetector(Protocol):
    """Listens to one camera. Blocking and quick: it runs on the listening thread of the camera's process, which leaves
    sound out when it falls behind; recording and watching do not wait for it.
    """

    def hear(self, utc_us: int, samples: NDArray[np.float32]) -> Sequence[Sound]:
        """Take the next block (mono, 16,000 a second, -1..1) that begins at that time; return what is heard by its end.

        After a gap the time jumps. A sound that goes on is returned again with a later end, and is one event.
        """
        ...


@dataclass(frozen=True, slots=True)
class AudioDetectorKind:
    """A detector of sounds; `make()` is called once a camera. `labels`: what it can hear."""

    name: str
    title: str
    labels: tuple[str, ...]
    make: Callable[[], AudioDetector]


class TextEmbedder(Protocol):
    """Turns text into vectors that lie near each other when the texts mean the like. Blocking."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one vector of length 1 a text: (texts, dimensions)."""
        ...


@dataclass(frozen=True, slots=True)
class TextEmbedderKind:
    """An embedder. `name` also says whose vectors can be compared: give another one when the model changes."""

    name: str
    title: str
    make: Callable[[], TextEmbedder]


class SegmentStore(Protocol):
    """A place that keeps sealed segments. Async; every call is idempotent by segment id. It sees sealed bytes only.

    A store that is a folder of this machine may have `root: Path`: segment files lie below it as their `path` says. Only
    then can what it alone has be played, and found again by an index that is made anew.
    """

    async def put(self, segment: SegmentRecord, chunks: AsyncIterator[bytes]) -> None:
        """Keep a whole sealed file."""
        ...

    async def read(self, segment: SegmentRecord, start: int, length: int) -> bytes:
        """Return `length` bytes from `start`; NotFound where it is not kept here."""
        ...

    async def delete(self, segment: SegmentRecord) -> None:
        """Forget it; no error where it is not kept here."""
        ...

    async def usage(self) -> tuple[int, int]:
        """Return (bytes used by us, bytes free)."""
        ...


@dataclass(frozen=True, slots=True)
class StorageKind:
    """A kind of storage backend."""

    name: str
    title: str
    config_model: type[BaseModel]
    make: Callable[[BaseModel], SegmentStore]


@dataclass(frozen=True, slots=True)
class Notification:
    """What to tell the owner. Never a picture in the clear; `url` leads to the page that needs a login."""

    title: str
    body: str
    event: Event | None = None
    url: str = ""


class Notifier(Protocol):
    """Tells the owner. Retried by Guardian, not by the plugin."""

    async def send(self, notification: Notification) -> None:
        """Deliver or raise `ServiceUnavailable` (try again) or `BadSetting` (do not)."""
        ...


@dataclass(frozen=True, slots=True)
class NotifierKind:
    """A way to tell the owner."""

    name: str
    title: str
    config_model: type[BaseModel]
    make: Callable[[BaseModel], Notifier]


class ViewerCall(Protocol):
    """A viewer at the relay's gateway. What comes and goes is opaque to the relay: the two ends seal it."""

    async def read(self) -> bytes | None:
        """The viewer's next frame, None when they have hung up."""
        ...

    async def write(self, frame: bytes) -> None:
        """Send a frame of at most 1 MiB; waits while the viewer is slow. ServiceUnavailable when they have hung up."""
        ...


class RelayLink(Protocol):
    """The home's link to its relay. Async; made once and kept over restarts by its plugin, which begins it at `startup`."""

    def take_viewers(self, desk: Callable[[ViewerCall], Awaitable[None]]) -> None:
        """Give every viewer to `desk`, which returns when it has done with them. Until then viewers are turned away."""
        ...

    def take_sync(self, sync: CloudSync) -> None:
        """Let `sync` say how the home is and answer what is asked of it. Until then little is said, and nothing done."""
        ...

    async def say(self, what: str, body: bytes) -> None:
        """Tell the cloud something beside events; once the relay is there, if it is not. `what`: `health` (a Telemetry of the
        protocol, kept while there is room for events, too), `inventory` (an Inventory) or `statement` (a Signed): these two are told
        anew to each relay that is reached, so nothing is kept of them.
        """
        ...

    def opaque(self, camera: str) -> bytes:
        """What those in between call a camera: 16 bytes, always the same, that mean something to this home alone."""
        ...

    async def join(self, invitation: str, home: bytes) -> str:
        """Begin to join with an invitation, for a home with this public key, and return the short code to compare.

        BadRequest names what is wrong with the invitation; Conflict where one is joined already.
        """
        ...

    async def confirm(self, sign: Callable[[bytes], bytes]) -> None:
        """The owner has seen the same code at both ends: have the keys of both signed, and open the tunnel. `sign` signs a
        serialised statement with the home's key, for this once.
        """
        ...

    async def leave(self) -> None:
        """Take the tunnel down and forget the relay, also one that is not joined whole yet."""
        ...

    async def rotate(self) -> None:
        """Make new keys of the tunnel now; ServiceUnavailable where the relay is away."""
        ...

    async def add_device(self, device: str, name: str, sign: Callable[[bytes], bytes]) -> MemberDevice:
        """Tell a member's device, which shows this text, when something begins, sealed to it alone. `sign`: as for `confirm`.

        BadRequest where the text is none; Conflict where it is told already, or no relay is joined.
        """
        ...

    async def remove_device(self, one: str, sign: Callable[[bytes], bytes]) -> None:
        """Tell a device nothing more, for good. NotFound, Conflict."""
        ...

    def devices(self) -> tuple[MemberDevice, ...]:
        """Who is told."""
        ...

    def status(self) -> RelayStatus:
        """How it is, from memory."""
        ...


@dataclass(frozen=True, slots=True)
class CloudLine:
    """What a `CloudSync` is given: `say` and `opaque` of the link, `ask(command)`, which does a command or says why not and returns
    the answer's bytes (empty: there is none to give), `plugins()`: name, state, and whether it is the project's own, and `statements()`
    that the home has made of members, serialised. `joined()`: whether there is a relay that carries what is said.
    """

    say: Callable[[str, bytes], Coroutine[Any, Any, None]]
    opaque: Callable[[str], bytes]
    ask: Callable[[bytes], Awaitable[bytes]]
    plugins: Callable[[], Sequence[tuple[str, str, bool]]]
    statements: Callable[[], Sequence[bytes]] = tuple
    joined: Callable[[], bool] = lambda: True


class CloudSync(Protocol):
    """What a home says to its cloud beside events, and how what is asked there reaches the home. The link to the relay carries it."""

    def use(self, line: CloudLine) -> None:
        """Take the line; once, before `startup`."""
        ...

    def readings(self) -> Mapping[str, float]:
        """How the home is, of the protocol's list of readings. From memory."""
        ...

    def inventory(self) -> bytes:
        """An Inventory of the protocol, for a relay that has just been reached. From memory."""
        ...

    def statements(self) -> Sequence[bytes]:
        """What the home has stated of members, for a relay that has just been reached."""
        ...

    def tell_statement(self, statement: bytes) -> None:
        """The home has stated something new."""
        ...

    async def command(self, command: bytes) -> bytes:
        """A Command of the protocol has come; return the CommandDone. Empty: nobody is to be answered."""
        ...


@dataclass(frozen=True, slots=True)
class CloudSyncKind:
    """A way to sync with a cloud. `make()` is called once."""

    name: str
    title: str
    make: Callable[[], CloudSync]


@dataclass(frozen=True, slots=True)
class RelayLinkKind:
    """A way to reach a relay. `make()` is called once."""

    name: str
    title: str
    make: Callable[[], RelayLink]


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """A check for `guardian doctor` and the system page; `run` is blocking and quick (2 s)."""

    name: str
    title: str
    run: Callable[[], Sequence[Finding]]
    tags: frozenset[str] = field(default=frozenset())


@dataclass(frozen=True, slots=True)
class Job:
    """Work that is done again and again, each time `every_s` after it was done; never twice at once, and nobody waits for it.

    What it raises is logged and told to nobody else: it is tried again the next time.
    """

    name: str
    every_s: float
    run: Callable[[], Awaitable[None]]


class Archive(Protocol):
    """An archive of sealed footage outside the house, opened by `guardian archive` beside a running Guardian or without one."""

    async def status(self) -> ArchiveStatus:
        """Return what is where. Asks nobody outside."""
        ...

    async def verify(self, *, everything: bool, tell: Callable[[ArchiveCheck], None]) -> None:
        """Fetch random parts of each copy (or all) and compare them; tell of each copy as it is done."""
        ...

    async def restore(
        self, segments: Path, open_key: Callable[[bytes], bytes], tell: Callable[[str], None], kit: Mapping[str, str]
    ) -> ArchiveRestored:
        """Write every archived segment that is not there below a folder. `open_key` undoes the context's `seal_key`; `kit`
        is what `kit()` once gave, or empty.
        """
        ...

    async def kit(self) -> Mapping[str, str]:
        """Return what an empty machine needs to find the archive, beside its settings. No secret."""
        ...

    async def close(self) -> None:
        """Let go of files and connections."""
        ...


@dataclass(frozen=True, slots=True)
class ArchiveKind:
    """An archive; `open()` raises BadSetting where none is set up."""

    name: str
    title: str
    open: Callable[[], Archive]
