"""The services as the API sees them, without anything behind them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from guardian.model.archive import ArchivePlace, ArchiveStatus
from guardian.model.camera import CameraState, CameraStatus, CameraView, StreamStatus
from guardian.model.command import SignedCommand, Signer
from guardian.model.errors import (
    BadRequest,
    BadSetting,
    Conflict,
    NotFound,
    ServiceUnavailable,
    TooManyRequests,
    VaultLocked,
    WrongPassphrase,
)
from guardian.model.event import Event, EventChange, EventQuery, EventState, Happening, HappeningKind, PathPoint
from guardian.model.health import Finding, Health
from guardian.model.messages import CameraInference
from guardian.model.relay import MemberDevice, RelayState, RelayStatus
from guardian.model.time import SECOND_US, Span
from guardian.model.views import (
    LASTING_US,
    CameraSpace,
    EpochCheck,
    Export,
    Found,
    Hold,
    InferenceView,
    LetIn,
    Playlist,
    PlaylistEntry,
    ProcessUse,
    RecordingSpan,
    SearchResult,
    Session,
    SpaceState,
    SpaceStatus,
    SystemStatus,
    TokenInfo,
    VaultStatus,
    ViewerStatus,
    ViewingStatus,
)
from guardian.model.vision import Box
from guardian.services.configuration import change_detection
from guardian.services.contract import Services
from guardian.settings.schema import DetectSettings, Settings

T0 = 1_795_392_000 * SECOND_US  # 2026-11-23T00:00:00Z
TOKEN = "secret-token"
COOKIE = "secret-session"
CSRF = "csrf-word"
SEGMENT = "019342f0-0000-7000-8000-000000000001"
EVENT = "019342f0-0000-7000-8000-0000000000ee"
CODE = "EGWYV-XB8WE-9E2NA-KAVP9-RYYYV-70J45-NZV73-1PAKN"  # of a vector, for show
JPEG = b"\xff\xd8\xff picture"


class FakeCameras:
    def __init__(self) -> None:
        stream = StreamStatus("main", "h264", "avc1.640028", 1920, 1080, 14.987, 4_000_000.4)
        status = CameraStatus("front", CameraState.RUNNING, T0, recording=True, streams=(stream,), reconnects=2)
        retry = CameraStatus("yard", CameraState.RETRYING, T0, "login_refused", "it refused the password", "Correct it.")
        self.views = (CameraView("front", "Front door", "rtsp", status), CameraView("yard", "Yard", "rtsp", retry))

    def list(self) -> tuple[CameraView, ...]:
        return self.views

    def get(self, camera: str) -> CameraView:
        for view in self.views:
            if view.id == camera:
                return view
        raise NotFound(f"there is no camera {camera!r}", field="camera", cure="Cameras: front, yard.")


class FakeRules:
    def __init__(self) -> None:
        self.settings = Settings.model_validate({"cameras": {"front": {"kind": "rtsp"}, "yard": {"kind": "rtsp"}}})

    def get(self, camera: str) -> DetectSettings:
        if camera not in self.settings.cameras:
            raise NotFound(f"there is no camera {camera!r}", field="camera")
        return self.settings.cameras[camera].detect

    async def replace(self, camera: str, changes: Mapping[str, Any]) -> bool:
        self.get(camera)
        self.settings = change_detection(self.settings, camera, changes)
        return camera == "front"


class FakeTimeline:
    def __init__(self) -> None:
        self.asked: list[tuple[str, int, int]] = []

    async def spans(self, camera: str, start_us: int, end_us: int) -> tuple[RecordingSpan, ...]:
        self.asked.append((camera, start_us, end_us))
        return (RecordingSpan(T0, T0 + 60 * SECOND_US, "main", "avc1.640028", 1234, open=True),)

    async def bounds(self, camera: str) -> Span | None:
        return Span(T0, T0 + 60 * SECOND_US)


class FakePlayback:
    def __init__(self) -> None:
        self.locked = False
        self.pieces: list[bytes] = [b"init", b"fragment-1", b"fragment-2"]
        self.fails_after: int | None = None
        self.asked: list[tuple[object, ...]] = []

    async def playlist(self, camera: str, start_us: int, end_us: int, stream: str = "main") -> Playlist:
        self._check()
        entries = () if start_us < T0 else (self._entry(1), self._entry(2))
        return Playlist(camera, stream, "avc1.640028", T0, T0 + 4 * SECOND_US, False, entries)

    def _entry(self, index: int) -> PlaylistEntry:
        start = (index - 1) * 180_000
        at = T0 + (index - 1) * 2 * SECOND_US
        return PlaylistEntry(SEGMENT, index, at, start, 180_000, 1000, True, index == 1, False)

    def _check(self) -> None:
        if self.locked:
            raise VaultLocked("the vault is locked", cure="Unlock it.")

    async def init(self, segment_id: str, *, as_h264: bool = False) -> bytes:
        self._check()
        return b"init-h264" if as_h264 else b"init"

    async def fragment(self, segment_id: str, index: int, *, as_h264: bool = False) -> bytes:
        self._check()
        return f"fragment-{index}{'-h264' if as_h264 else ''}".encode()

    async def clip(self, camera: str, start_us: int, end_us: int, *, as_h264: bool = False) -> AsyncIterator[bytes]:
        self.asked.append((camera, start_us, end_us, as_h264))
        self._check()
        for number, piece in enumerate(self.pieces):
            if number == self.fails_after:
                raise VaultLocked("the vault is locked", cure="Unlock it.")
            yield piece


@dataclass
class FakeFeed:
    codecs: str = "avc1.640028"
    width: int = 640
    height: int = 360
    note: str = ""
    init: bytes = b"live-init"
    queue: asyncio.Queue[tuple[bool, bytes] | None] = field(default_factory=asyncio.Queue)

    async def __aiter__(self) -> AsyncIterator[tuple[bool, bytes]]:
        while (piece := await self.queue.get()) is not None:
            yield piece


class FakeLive:
    def __init__(self) -> None:
        self.feed = FakeFeed()
        self.asked: list[tuple[str, frozenset[str], str]] = []
        self.viewers = 0
        self.away = False

    @asynccontextmanager
    async def subscribe(self, camera: str, can_play: frozenset[str], prefer: str = "main") -> AsyncIterator[FakeFeed]:
        self.asked.append((camera, can_play, prefer))
        if self.away:
            raise ServiceUnavailable("the camera is away", cure="Wait.")
        self.viewers += 1
        try:
            yield self.feed
        finally:
            self.viewers -= 1


def make_event(**changes: object) -> Event:
    path = (PathPoint(T0, Box(0.1, 0.2, 0.3, 0.4)),)
    event = Event(
        EVENT, "front", "person", 0.91234, T0, None, EventState.ACTIVE, ("porch", "gate"), "front/x.pgp", path=path
    )
    happenings = (
        Happening("porch", HappeningKind.ENTER, T0 + SECOND_US),
        Happening("gate", HappeningKind.CROSS, T0 + 2 * SECOND_US, "left"),
    )
    return replace(event, happenings=happenings, **changes)  # type: ignore[arg-type]


class FakeEvents:
    def __init__(self) -> None:
        self.events = {EVENT: make_event()}
        self.queries: list[EventQuery] = []
        self.cursor: str | None = None
        self.changes: asyncio.Queue[EventChange | None] = asyncio.Queue()
        self.after: list[int | None] = []
        self.listeners = 0

    async def list(self, query: EventQuery) -> tuple[tuple[Event, ...], str | None]:
        self.queries.append(query)
        if query.cursor == "broken":
            raise BadRequest("cursor: is none of ours", field="cursor", cure="Begin without one.")
        return tuple(self.events.values()), self.cursor

    async def get(self, event_id: str) -> Event:
        if event_id not in self.events:
            raise NotFound(f"there is no event {event_id!r}", field="id")
        return self.events[event_id]

    async def delete(self, event_id: str) -> None:
        await self.get(event_id)
        del self.events[event_id]

    async def judge(self, event_id: str, verdict: str) -> Event:
        if verdict not in ("", "right", "wrong"):
            raise BadRequest(f"{verdict!r} is no verdict", field="verdict")
        self.events[event_id] = replace(await self.get(event_id), verdict=verdict)
        return self.events[event_id]

    async def labels(self) -> tuple[str, ...]:
        return ("person",)

    async def snapshot(self, event_id: str) -> bytes:
        await self.get(event_id)
        return JPEG

    async def clip_span(self, event_id: str) -> tuple[Event, Span]:
        event = await self.get(event_id)
        return event, Span(event.start_us - 5 * SECOND_US, (event.end_us or event.start_us) + 5 * SECOND_US)

    async def stream(self, after_serial: int | None = None) -> AsyncIterator[EventChange]:
        self.after.append(after_serial)
        self.listeners += 1
        try:
            while (change := await self.changes.get()) is not None:
                yield change
        finally:
            self.listeners -= 1


class FakeHolds:
    def __init__(self, events: FakeEvents) -> None:
        self._events = events
        self.holds: dict[str, Hold] = {}

    async def list(self, camera: str | None = None, start_us: int = 0, end_us: int = LASTING_US) -> tuple[Hold, ...]:
        return tuple(one for one in self.holds.values() if camera in (None, one.camera))

    async def hold(self, camera: str, start_us: int, end_us: int) -> Hold:
        hold = Hold(f"h{len(self.holds)}", camera, start_us, end_us, "", T0)
        self.holds[hold.id] = hold
        return hold

    async def release(self, hold_id: str) -> None:
        if self.holds.pop(hold_id, None) is None:
            raise NotFound("there is no such protection", field="id")

    async def hold_event(self, event_id: str) -> Event:
        return self._mark(await self._events.get(event_id), True)

    async def release_event(self, event_id: str) -> Event:
        return self._mark(await self._events.get(event_id), False)

    def _mark(self, event: Event, protected: bool) -> Event:
        self._events.events[event.id] = replace(event, protected=protected)
        return self._events.events[event.id]


class FakeExports:
    def __init__(self) -> None:
        self.exports: dict[str, Export] = {}
        self.data = b"0123456789" * 10

    async def create(
        self,
        cameras: str | Sequence[str],
        start_us: int,
        end_us: int,
        name: str = "",
        *,
        exact: bool = True,
        speedup: int = 1,
        evidence: bool = False,
    ) -> Export:
        cameras = tuple(cameras)
        export = Export(f"x{len(self.exports)}", cameras[0], start_us, end_us, "queued", 0.0, 0, T0, name=name)
        export = replace(export, cameras=cameras, exact=exact, speedup=speedup, evidence=evidence)
        self.exports[export.id] = export
        return export

    def finish(self, export_id: str) -> None:
        done = replace(self.exports[export_id], state="done", progress=1.0, size_bytes=len(self.data))
        self.exports[export_id] = done

    async def list(self) -> tuple[Export, ...]:
        return tuple(self.exports.values())

    async def get(self, export_id: str) -> Export:
        if export_id not in self.exports:
            raise NotFound("there is no such export", field="id")
        return self.exports[export_id]

    async def delete(self, export_id: str) -> None:
        await self.get(export_id)
        del self.exports[export_id]

    async def content(self, export_id: str) -> AsyncIterator[bytes]:
        if (await self.get(export_id)).state != "done":
            raise Conflict("not done")
        for at in range(0, len(self.data), 30):
            yield self.data[at : at + 30]


class FakeVault:
    def __init__(self) -> None:
        self.unlocked = False
        self.throttled = False
        self.epoch, self.recovery = 7, T0
        self.passphrases: list[str] = []

    def status(self) -> VaultStatus:
        return VaultStatus(
            True, self.unlocked, self.epoch, "MLKEM768-X25519", 2.04 if self.throttled else 0.0, self.recovery
        )

    def _check(self, given: str, right: str = "right") -> None:
        if self.throttled:
            raise TooManyRequests("too many wrong passphrases: try again in 2 s")
        if given != right:
            raise WrongPassphrase("the passphrase is wrong", field="passphrase", cure="Try again.")

    async def unlock(self, passphrase: str) -> None:
        self._check(passphrase)
        self.unlocked = True

    async def change_passphrase(self, passphrase: str, new: str) -> None:
        self._check(passphrase)
        self.passphrases.append(new)

    async def rotate(self, passphrase: str) -> int:
        self._check(passphrase)
        self.epoch += 1
        return self.epoch

    async def new_recovery_code(self, passphrase: str) -> str:
        self._check(passphrase)
        return CODE

    async def recover(self, code: str, new: str) -> None:
        self._check(code, CODE)
        self.passphrases.append(new)
        self.unlocked = True

    async def verify(self, passphrase: str = "", code: str = "") -> tuple[EpochCheck, ...]:
        self._check(passphrase)
        return (EpochCheck(6, T0, 8), EpochCheck(7, T0, 1, ("segments/front/a.pgs: damaged",)))

    async def lock(self) -> None:
        self.unlocked = False


class FakeAccounts:
    def __init__(self) -> None:
        self.tokens = {"t1": TokenInfo("t1", "laptop", "owner", T0, 0)}

    async def session(self, secret: str) -> Session | None:
        return Session("owner", CSRF, "session") if secret == COOKIE else None

    async def token(self, secret: str) -> Session | None:
        return Session("owner", "", "token") if secret == TOKEN else None

    async def list_tokens(self) -> tuple[TokenInfo, ...]:
        return tuple(self.tokens.values())

    async def create_token(self, user: str, name: str) -> tuple[TokenInfo, str]:
        self.tokens["t2"] = TokenInfo("t2", name, user, T0, 0)
        return self.tokens["t2"], "fresh-secret"

    async def revoke_token(self, token_id: str) -> None:
        if self.tokens.pop(token_id, None) is None:
            raise NotFound("there is no such token", field="id")


ARCHIVE = ArchiveStatus(
    "filecoin",
    "Archive",
    (
        ArchivePlace(
            "one", "filecoin", True, 2, 1, 2_097_152, "<b>away</b>", "Wait.", "0.0266 USDFC", "0.024 USDFC", "USDFC"
        ),
    ),
    (("verified", 1), ("parked", 1)),
    2,
    1,
    3,
    4_000_000,
    5,
    "It is public for ever.",
    "Nothing goes there until you say so.",
    "one: 0.0008 USDFC for 1 packs",
)


class FakeHealth:
    def __init__(self) -> None:
        self.missing: tuple[str, ...] = ()
        self.space = SpaceStatus(SpaceState.OK, T0)

    async def system(self) -> SystemStatus:
        process = ProcessUse("camera", "front", 42, 3.333, 80_000_000, 1, T0)
        inference = InferenceView(
            True,
            "ssd",
            "openvino",
            "CPU",
            12.345,
            20.5,
            3,
            cameras=(CameraInference("front", 9, 6, 2, 1, (1.5, 4.0), (6.0, 9.0)),),
        )
        finding = Finding("disk", Health.WARNING, "nearly full", "Free some.")
        return SystemStatus(
            "0.1.0",
            T0,
            T0 + SECOND_US,
            12.5,
            2,
            8000,
            4000,
            1000,
            500,
            400,
            None,
            (process,),
            inference,
            (finding,),
            archives=(ARCHIVE,),
            space=replace(self.space, held_bytes=7, cameras=(CameraSpace("front", 400, 7, 1000, 14 * 86_400 * SECOND_US),)),
        )

    def disk(self) -> SpaceStatus:
        return self.space

    def ready(self) -> tuple[bool, tuple[str, ...]]:
        return not self.missing, self.missing


class FakeDetection:
    async def use(self, *, model=None, backend=None, device=None) -> InferenceView:
        if model == "broken":
            raise BadSetting("it does not load", field="detector.model", cure="Fetch it again.")
        return InferenceView(True, model or "ssd", backend or "openvino", device or "CPU")


class FakeRelay:
    state = RelayState.NONE
    asked: list[str]

    def __init__(self):
        self.asked, self.told = [], []

    def status(self):
        pairing = self.state is RelayState.PAIRING
        return RelayStatus(self.state, "ab" * 16, "relay.example:51820", short_code="123 456" if pairing else "")

    async def join(self, invitation):
        self.asked.append(invitation)
        self.state = RelayState.PAIRING
        return self.status()

    async def confirm(self):
        if self.state is not RelayState.PAIRING:
            raise Conflict("no relay is being joined")
        self.state = RelayState.CONNECTING
        return self.status()

    async def rotate(self):
        raise ServiceUnavailable("the relay is away")

    async def leave(self):
        self.state = RelayState.NONE
        return self.status()

    def devices(self):
        return tuple(self.told)

    async def add_device(self, device, name):
        if not device.startswith("guardian-device:"):
            raise BadRequest("this is no device", field="device")
        self.told.append(MemberDevice("ab" * 16, name, 1_000_000))
        return self.told[-1]

    async def remove_device(self, one):
        if one not in {had.id for had in self.told}:
            raise NotFound("there is no such device")
        self.told.clear()


class FakeViewing:
    """Turns on while unlocked; speaks with nobody."""

    def __init__(self) -> None:
        self.on, self.locked, self.calls, self.others = False, False, [], []

    def status(self):
        return ViewingStatus(self.on, T0 if self.on else 0)

    async def turn_on(self):
        if self.locked:
            raise VaultLocked("the vault is locked", cure="Unlock it with `guardian vault unlock`.")
        self.on = True
        return "guardian-view:abc"

    async def turn_off(self):
        self.on = False

    async def viewers(self):
        return tuple(self.others)

    async def let_in(self, name, passphrase=""):
        if self.locked:
            raise VaultLocked("the vault is locked", cure="Unlock it with `guardian vault unlock`.")
        self.others.append(ViewerStatus("ef" * 16, name, T0))
        return LetIn("ef" * 16, name, "guardian-view:olga", passphrase or "made-words")

    async def take_out(self, viewer):
        if viewer not in {one.id for one in self.others}:
            raise NotFound("there is no such viewer", field="viewer")
        self.others.clear()

    async def serve(self, call):
        self.calls.append(await call.read())
        await call.write(b"answer")


class FakeCommands:
    """Signs while unlocked; was asked what a test says."""

    home, taken = b"h" * 32, True
    of_camera, of_house = {"enabled": "use it"}, {"storage.days": "how old"}

    def __init__(self) -> None:
        self.locked, self.signed, self.asked, self.made = False, [], (), []

    @property
    def signers(self):
        return self

    def all(self):
        return tuple(self.made)

    async def add(self, name):
        if self.locked:
            raise VaultLocked("the vault is locked", cure="Unlock it with `guardian vault unlock`.")
        self.made.append(Signer(name, "ab" * 16, T0))
        return {
            "format": 1, "name": name, "home": "68" * 32, "member": "ab" * 16, "signing_key": "01" * 32,
            "cameras": {"front": "cd" * 16},
        }  # fmt: skip

    async def remove(self, subject):
        if subject not in {one.subject for one in self.made}:
            raise NotFound("there is no such signer")
        self.made = []

    def sign(self, wish, valid_s):
        if self.locked:
            raise VaultLocked("the vault is locked", cure="Unlock it with `guardian vault unlock`.")
        self.signed.append((wish, valid_s))
        return SignedCommand("01a221fe-f5f5-7b52-8d31-000000000001", b"signed", T0)

    def seen(self):
        return self.asked


class FakeSearch:
    """Finds everything, while it is unlocked."""

    def __init__(self, events: FakeEvents) -> None:
        self.events, self.asked, self.locked = events, [], False

    async def search(self, sentence: str, behind_minutes: int = 0, limit: int = 50) -> SearchResult:
        self.asked.append((sentence, behind_minutes, limit))
        if self.locked:
            raise VaultLocked("the vault is locked", cure="Unlock it with `guardian vault unlock`.")
        items = tuple(Found(event, 0.75) for event in self.events.events.values())
        return SearchResult(items, "words", "Searched by words alone.", "today", T0, T0 + SECOND_US, ("front",))


class Fakes:
    """All of them, and the services made of them."""

    def __init__(self) -> None:
        self.cameras, self.timeline, self.playback = FakeCameras(), FakeTimeline(), FakePlayback()
        self.live, self.events, self.exports = FakeLive(), FakeEvents(), FakeExports()
        self.holds, self.rules = FakeHolds(self.events), FakeRules()
        self.search = FakeSearch(self.events)
        self.vault, self.accounts, self.health = FakeVault(), FakeAccounts(), FakeHealth()
        self.relay, self.viewing, self.commands = FakeRelay(), FakeViewing(), FakeCommands()

    def services(self) -> Services:
        return Services(
            cameras=self.cameras,
            timeline=self.timeline,
            playback=self.playback,
            live=self.live,
            events=self.events,
            search=self.search,
            holds=self.holds,
            exports=self.exports,
            vault=self.vault,
            accounts=self.accounts,  # type: ignore[arg-type]
            rules=self.rules,
            health=self.health,
            detection=FakeDetection(),
            relay=self.relay,
            viewing=self.viewing,
            commands=self.commands,
        )
