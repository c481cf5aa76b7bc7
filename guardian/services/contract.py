"""What web and api may ask for. Each is implemented by one file beside this one; every call may raise `model.errors`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from guardian.interfaces import ViewerCall
from guardian.model.camera import CameraView
from guardian.model.command import CommandSeen, SignedCommand, Signer, Wish
from guardian.model.event import Event, EventChange, EventQuery
from guardian.model.relay import MemberDevice, RelayStatus
from guardian.model.time import Span
from guardian.model.views import (
    EpochCheck,
    Export,
    Hold,
    InferenceView,
    LetIn,
    Playlist,
    RecordingSpan,
    SearchResult,
    Session,
    SpaceStatus,
    SystemStatus,
    TokenInfo,
    VaultStatus,
    ViewerStatus,
    ViewingStatus,
)
from guardian.settings.schema import DetectSettings


class Cameras(Protocol):
    """The owner's cameras."""

    def list(self) -> tuple[CameraView, ...]: ...

    def get(self, camera: str) -> CameraView:
        """NotFound where there is none of that id."""
        ...


class Rules(Protocol):
    """What a camera's watching goes by: labels, zones, lines, masks, hours."""

    def get(self, camera: str) -> DetectSettings:
        """NotFound."""
        ...

    async def replace(self, camera: str, changes: Mapping[str, Any]) -> bool:
        """Put fields of the camera's `detect` settings into force at once, and say whether config.toml keeps them. BadSetting."""
        ...


class Timeline(Protocol):
    """Where footage is."""

    async def spans(self, camera: str, start_us: int, end_us: int) -> tuple[RecordingSpan, ...]:
        """Footage of the main stream in a span, oldest first, stretches less than 1.5 s apart joined."""
        ...

    async def bounds(self, camera: str) -> Span | None:
        """First and last moment of footage, or None."""
        ...


class Playback(Protocol):
    """Footage, opened. VaultLocked while the vault is locked."""

    async def playlist(self, camera: str, start_us: int, end_us: int, stream: str = "main") -> Playlist: ...

    async def init(self, segment_id: str, *, as_h264: bool = False) -> bytes:
        """MP4 init segment of a sealed segment. `as_h264`: of its transcode for players that lack H.265."""
        ...

    async def fragment(self, segment_id: str, index: int, *, as_h264: bool = False) -> bytes:
        """One moof + mdat; its tfdt counts on its run's clock."""
        ...

    def clip(self, camera: str, start_us: int, end_us: int, *, as_h264: bool = False) -> AsyncIterator[bytes]:
        """One fragmented MP4 that begins at 0, of all fragments that touch the span. NotFound where there is no footage."""
        ...


class LiveFeed(Protocol):
    """One viewer's feed. Iterating gives (is_key, moof + mdat)."""

    codecs: str  # RFC 6381
    width: int
    height: int
    note: str  # for people: why this is not the camera's main stream, or empty
    init: bytes

    def __aiter__(self) -> AsyncIterator[tuple[bool, bytes]]: ...


class Live(Protocol):
    """Live video."""

    def subscribe(
        self, camera: str, can_play: frozenset[str], prefer: str = "main"
    ) -> AbstractAsyncContextManager[LiveFeed]:
        """Begin a feed that the viewer can play. `can_play`: codec words (`h264`, `h265`). Sub stream or a transcode is
        chosen when the preferred stream cannot be played, and `note` says so. ServiceUnavailable while the camera is away."""
        ...


class Events(Protocol):
    """Events."""

    async def list(self, query: EventQuery) -> tuple[tuple[Event, ...], str | None]:
        """A page of events, newest first, and the cursor of the next page."""
        ...

    async def get(self, event_id: str) -> Event: ...

    async def delete(self, event_id: str) -> None: ...

    async def judge(self, event_id: str, verdict: str) -> Event:
        """Keep what the owner thinks of it, `right` or `wrong`; empty takes it back."""
        ...

    async def labels(self) -> tuple[str, ...]:
        """Labels that occur."""
        ...

    async def snapshot(self, event_id: str) -> bytes:
        """JPEG. VaultLocked while locked; NotFound while there is none."""
        ...

    async def clip_span(self, event_id: str) -> tuple[Event, Span]:
        """The event and the span of its clip, with the seconds before and after that its camera is set to."""
        ...

    def stream(self, after_serial: int | None = None) -> AsyncIterator[EventChange]:
        """Changes as they happen, beginning after a serial where the last few hundred still hold it. Ends at shutdown."""
        ...


class Search(Protocol):
    """Events in plain words."""

    async def search(self, sentence: str, behind_minutes: int = 0, limit: int = 50) -> SearchResult:
        """The best first. VaultLocked while locked; BadRequest where the sentence is empty or too long."""
        ...


class Holds(Protocol):
    """Footage that is protected: no age, no size and no full disk deletes it."""

    async def list(self, camera: str | None = None, start_us: int = ..., end_us: int = ...) -> tuple[Hold, ...]:
        """Those that share a moment with a span, by their begin."""
        ...

    async def hold(self, camera: str, start_us: int, end_us: int) -> Hold: ...

    async def release(self, hold_id: str) -> None:
        """NotFound."""
        ...

    async def hold_event(self, event_id: str) -> Event:
        """Protect an event, its picture and the footage of its clip."""
        ...

    async def release_event(self, event_id: str) -> Event: ...


class Exports(Protocol):
    """Footage as one file, made by a job, kept sealed: an MP4, or a ZIP of several cameras or of evidence."""

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
        """`exact`: shown to the frame. `speedup`: above 1, keyframes only, so many times as fast. `evidence`: signed."""
        ...

    async def list(self) -> tuple[Export, ...]: ...

    async def get(self, export_id: str) -> Export: ...

    async def delete(self, export_id: str) -> None:
        """Cancel while it runs, delete when done."""
        ...

    def content(self, export_id: str) -> AsyncIterator[bytes]:
        """The file. Conflict while it is not done."""
        ...


class Vault(Protocol):
    """The vault. Whatever takes a passphrase or a recovery code raises WrongPassphrase, TooManyRequests."""

    def status(self) -> VaultStatus: ...

    async def unlock(self, passphrase: str) -> None: ...

    async def lock(self) -> None: ...

    async def change_passphrase(self, passphrase: str, new: str) -> None: ...

    async def rotate(self, passphrase: str) -> int:
        """The new epoch, which all that comes is sealed to."""
        ...

    async def new_recovery_code(self, passphrase: str) -> str:
        """A code in groups, which ends the one before."""
        ...

    async def recover(self, code: str, new: str) -> None:
        """Set a new passphrase with the recovery code, and unlock. MistypedCode."""
        ...

    async def verify(self, passphrase: str = "", code: str = "") -> tuple[EpochCheck, ...]:
        """Open every epoch with the passphrase or the recovery code, and some files of each."""
        ...


class Accounts(Protocol):
    """Who may come in."""

    async def login(self, user: str, password: str, peer: str) -> str:
        """A session's secret for the cookie. WrongPassphrase, TooManyRequests."""
        ...

    async def session(self, secret: str) -> Session | None: ...

    async def logout(self, secret: str) -> None: ...

    async def create_user(self, user: str, password: str) -> None: ...

    async def has_users(self) -> bool: ...

    async def create_token(self, user: str, name: str) -> tuple[TokenInfo, str]:
        """A new API token; its secret is shown this once."""
        ...

    async def token(self, secret: str) -> Session | None: ...

    async def list_tokens(self) -> tuple[TokenInfo, ...]: ...

    async def revoke_token(self, token_id: str) -> None: ...


class SystemHealth(Protocol):
    """How the box is."""

    async def system(self) -> SystemStatus: ...

    def disk(self) -> SpaceStatus:
        """The disk's state, without figures."""
        ...

    def ready(self) -> tuple[bool, tuple[str, ...]]:
        """Whether every part is up, and what is not."""
        ...


class Detection(Protocol):
    """What runs the detector."""

    async def use(self, *, model: str | None = None, backend: str | None = None, device: str | None = None) -> InferenceView:
        """Load another beside it, swap, and keep the choice; where that fails all stays as it was."""
        ...


class Relay(Protocol):
    """The home's link to its relay."""

    def status(self) -> RelayStatus: ...

    async def join(self, invitation: str) -> RelayStatus:
        """Begin to join; the status has the short code. VaultLocked, BadRequest, Conflict."""
        ...

    async def confirm(self) -> RelayStatus:
        """Both ends show the same code: sign, and open the tunnel. Conflict where nothing was begun."""
        ...

    async def rotate(self) -> RelayStatus:
        """New keys of the tunnel, now. ServiceUnavailable."""
        ...

    async def leave(self) -> RelayStatus: ...

    def devices(self) -> tuple[MemberDevice, ...]: ...

    async def add_device(self, device: str, name: str) -> MemberDevice:
        """Tell a member's device when something begins. VaultLocked, BadRequest, Conflict."""
        ...

    async def remove_device(self, one: str) -> None:
        """VaultLocked, NotFound, Conflict."""
        ...


class Signers(Protocol):
    """Keys beside the home's own that may sign commands."""

    def all(self) -> tuple[Signer, ...]: ...

    async def add(self, name: str) -> dict[str, Any]:
        """Make one and return its key file's content, this once. VaultLocked, BadRequest, Conflict, ServiceUnavailable."""
        ...

    async def remove(self, subject: str) -> None:
        """Take one out, for good. VaultLocked, NotFound."""
        ...


class Commands(Protocol):
    """What is asked of this home from afar, and what it signs itself, so that it is done."""

    of_camera: Mapping[str, str]  # what may be set from afar, and what it means
    of_house: Mapping[str, str]
    taken: bool  # whether anybody carries commands here

    @property
    def signers(self) -> Signers:
        """Who may sign beside the home."""
        ...

    @property
    def home(self) -> bytes:
        """The home's public key."""
        ...

    def sign(self, wish: Wish, valid_s: float) -> SignedCommand:
        """Sign. VaultLocked, NotAllowed, NotFound, BadSetting, BadRequest, ServiceUnavailable."""
        ...

    def seen(self) -> tuple[CommandSeen, ...]:
        """What was asked since the start; the newest first."""
        ...


class Viewing(Protocol):
    """Viewing from afar."""

    def status(self) -> ViewingStatus: ...

    async def turn_on(self) -> str:
        """A fresh viewing key, shown this once; the one before is good no longer. VaultLocked."""
        ...

    async def turn_off(self) -> None: ...

    async def viewers(self) -> tuple[ViewerStatus, ...]:
        """Who else may look, the oldest first."""
        ...

    async def let_in(self, name: str, passphrase: str = "") -> LetIn:
        """Let somebody else look, with a viewing key and a passphrase of their own, shown this once. VaultLocked, Conflict."""
        ...

    async def take_out(self, viewer: str) -> None:
        """Answer somebody no more. NotFound."""
        ...

    async def serve(self, call: ViewerCall) -> None:
        """Speak with a viewer until they hang up. They prove themselves: no login is asked for."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """All of them, as pages and the API get them."""

    cameras: Cameras
    timeline: Timeline
    playback: Playback
    live: Live
    events: Events
    search: Search
    holds: Holds
    exports: Exports
    vault: Vault
    accounts: Accounts
    rules: Rules
    health: SystemHealth
    detection: Detection
    relay: Relay
    viewing: Viewing
    commands: Commands
