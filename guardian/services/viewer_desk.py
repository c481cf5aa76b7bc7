"""Answers viewers from afar: who they are, then what they ask. Recorded footage leaves as sealed bytes, which their browser opens;
only the live picture is sealed here, to the session.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from guardian.interfaces import ViewerCall
from guardian.model.errors import BadRequest, Conflict, Damaged, GuardianError, NotAllowed, NotFound, ServiceUnavailable
from guardian.model.event import Event, EventQuery
from guardian.model.time import SECOND_US
from guardian.platform.clock import Clock
from guardian.platform.tasks import Tasks
from guardian.services.contract import Cameras, Live
from guardian.services.events import EventService
from guardian.services.footage import Footage
from guardian.services.playlist import plan
from guardian.services.throttle import Throttle
from guardian.store.local import inside

if TYPE_CHECKING:
    from guardian.vault.viewer_channel import Channel, EdgeHandshake
    from guardian.vault.viewing import ViewingKey

_log = structlog.get_logger(__name__)
HELLO_WITHIN_S = 10.0
PROOF_WITHIN_S = 180.0  # Argon2id on an old phone
IDLE_S = 900.0  # without a question; who watches live asks nothing, and their browser says that it is there
LONGEST_S = 12 * 3600.0
MOST_SESSIONS, MOST_STRANGERS, MOST_ASKED = 16, 8, 16
# Sessions and proofs of one who was let in, and of all of them: the owner always finds room.
MOST_OF_ONE, MOST_OF_OTHERS = 4, 12
PART = 256 * 1024  # of a body: other answers get their turn in between
OUT = 4  # messages that wait to be sealed; full: who answers waits, and the live picture skips to its next keyframe
MOST_RANGE = 8 * 1024 * 1024
MOST_PAGE = 100
MOST_CLIP_US = 900 * SECOND_US
HELLOS = 4096  # remembered: each is good once, so that who has recorded one cannot use up the owner's tries with it
_TRIES = "viewer"

Answer = Callable[["Session", int, dict[str, Any]], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody who may look. `id`: empty, the owner. `vault()`: what they open with their passphrase, up to `epoch`, whose public key it is."""

    id: str
    key: ViewingKey
    vault: Callable[[], bytes]
    epoch: int
    public: bytes


@dataclass(frozen=True, slots=True)
class DeskSources:
    """What the desk asks others for. `known()` is everybody who may look, read anew from the disk, and nobody while viewing is off."""

    known: Callable[[], Sequence[Known]]
    cameras: Cameras
    events: EventService
    live: Live
    footage: Footage
    pictures: Path


class ViewerDesk:
    """Speaks with every viewer; `serve` is one call, from its first frame to its last."""

    def __init__(self, sources: DeskSources, clock: Clock) -> None:
        self._sources, self._clock = sources, clock
        self._throttle = Throttle()
        self._strangers = 0
        self._hellos: deque[bytes] = deque(maxlen=HELLOS)
        self.sessions: set[Session] = set()
        self._places: Counter[str] = Counter()  # of those who are in or prove themselves, by who they are
        self._ended = 0  # how often somebody was sent away
        self.last_us: dict[str, int] = {}  # when somebody was let in last, by who they are

    async def serve(self, call: ViewerCall) -> None:
        """Find out who it is, and answer until they hang up."""
        from guardian.vault.viewer_channel import TOO_BUSY, refusal

        if self._strangers >= MOST_STRANGERS:
            await call.write(refusal(TOO_BUSY))
            return
        tasks = Tasks()
        try:
            self._strangers += 1
            try:
                met = await self._meet(call, tasks)
            finally:
                self._strangers -= 1
            if met is None:
                return
            who = met[0].id
            if not self._has_room(who):
                await call.write(refusal(TOO_BUSY))
                return
            self._places[who] += 1
            try:
                channel = await self._prove(call, tasks, *met)
                if channel is not None:
                    await self._talk(Session(call, channel, self._sources, self._clock, tasks, who))
            finally:
                self._places[who] -= 1
        finally:
            await tasks.close()

    def _has_room(self, who: str) -> bool:
        """Whether somebody may come in: others are never so many that the owner may not."""
        others = sum(count for one, count in self._places.items() if one)
        if who and (self._places[who] >= MOST_OF_ONE or others >= MOST_OF_OTHERS):
            return False
        return others + self._places[""] < MOST_SESSIONS

    async def _talk(self, session: Session) -> None:
        self.sessions.add(session)
        self.last_us[session.who] = self._clock.now().utc_us
        _log.info("viewer_let_in", viewers=len(self.sessions))
        try:
            await session.run()
        finally:
            self.sessions.discard(session)
            _log.info("viewer_left", viewers=len(self.sessions))

    def end(self, who: str | None = None) -> None:
        """A viewing key is another, or none: whoever came with the one before has to go. None: everybody."""
        self._ended += 1
        for session in self.sessions:
            if who in (None, session.who):
                session.over.set()

    async def _meet(self, call: ViewerCall, tasks: Tasks) -> tuple[Known, EdgeHandshake, bytes] | None:
        """Return who it is by the viewing key, their handshake, and the welcome to send."""
        from guardian.vault.viewer_channel import NOT_KNOWN, EdgeHandshake, is_hello, is_hello_of, refusal

        first = await within(tasks, call.read(), HELLO_WITHIN_S)
        if first is None:
            return None
        try:
            if not is_hello(first):
                raise NotAllowed("the first frame is no hello")
            known = await asyncio.to_thread(self._sources.known)
            one = next((one for one in known if is_hello_of(one.key.secret, first)), None)
            if one is None:
                raise NotAllowed("nobody is known by this viewing key" if known else "viewing from afar is off")
            vault = await asyncio.to_thread(one.vault)
            handshake = EdgeHandshake(one.key, vault, one.epoch, one.public)
            welcome = await asyncio.to_thread(handshake.hello, first)
            if first in self._hellos:
                raise NotAllowed("a hello was repeated")
            self._hellos.append(first)
        except NotAllowed as error:
            _log.warning("viewer_refused", problem=error.message)
            await call.write(refusal(NOT_KNOWN))
            return None
        return one, handshake, welcome

    async def _prove(
        self, call: ViewerCall, tasks: Tasks, one: Known, handshake: EdgeHandshake, welcome: bytes
    ) -> Channel | None:
        """Return the channel to somebody once they have shown that they can open the vault."""
        from guardian.vault.viewer_channel import NOT_KNOWN, TOO_MANY, refusal

        # Whoever comes so far has the viewing key. Counted before it is known whether they have the passphrase, too; what
        # strangers send is not, or they could keep the owner out.
        now_s, tries = self._clock.mono_s(), f"{_TRIES} {one.id}"
        if self._throttle.wait_s(tries, now_s) > 0:
            _log.warning("viewer_refused", problem="too many tries")
            await call.write(refusal(TOO_MANY))
            return None
        self._throttle.failed(tries, now_s)
        await call.write(welcome)
        proof = await within(tasks, call.read(), PROOF_WITHIN_S)
        if proof is None:
            return None
        try:
            channel = handshake.proof(proof)
            await self._check_still_known(one)
        except NotAllowed as error:
            _log.warning("viewer_refused", problem=error.message)
            await call.write(refusal(NOT_KNOWN))
            return None
        self._throttle.succeeded(tries)
        return channel

    async def _check_still_known(self, one: Known) -> None:
        """NotAllowed where their viewing key is none any more. On return nobody was sent away since it was looked at."""
        ended = None
        while ended != self._ended:
            ended = self._ended
            if one.key not in [other.key for other in await asyncio.to_thread(self._sources.known)]:
                raise NotAllowed("the viewing key was changed meanwhile")


class Session:
    """One viewer who was let in. Questions are answered side by side, each under its number."""

    def __init__(
        self, call: ViewerCall, channel: Channel, sources: DeskSources, clock: Clock, tasks: Tasks, who: str
    ) -> None:
        self._call, self._channel, self.sources, self._clock, self._tasks = call, channel, sources, clock, tasks
        self.who = who
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(OUT)
        self._asked: dict[int, asyncio.Task[None]] = {}
        self.over = asyncio.Event()

    async def run(self) -> None:
        """Answer until they hang up, are silent for too long, or a frame does not open."""
        self._tasks.spawn(self._write(), "frames to a viewer")
        await self.say({"id": 0, "open": 1})
        ending = self._tasks.spawn(self.over.wait(), "end of a viewer")
        latest_s = self._clock.mono_s() + LONGEST_S
        while True:
            reading = self._tasks.spawn(self._call.read(), "viewer's frame")
            left_s = min(IDLE_S, latest_s - self._clock.mono_s())
            await asyncio.wait({reading, ending}, timeout=max(0.0, left_s), return_when=asyncio.FIRST_COMPLETED)
            if not reading.done() or ending.done() or (frame := reading.result()) is None:
                return
            try:
                self._take(frame)
            except (Damaged, BadRequest) as error:
                _log.warning("viewer_cut_off", problem=error.message)
                return

    def _take(self, frame: bytes) -> None:
        from guardian.vault.viewer_channel import unpack

        head, _ = unpack(self._channel.open(frame))
        number, ask = head.get("id"), head.get("ask")
        if type(number) is not int or number <= 0 or number in self._asked:
            raise BadRequest("a question needs a number of its own", field="id")
        if ask == "here":
            return
        if ask == "stop":
            other = head.get("stop")
            task = self._asked.get(other) if type(other) is int else None
            if task is not None:
                task.cancel()
            return
        if len(self._asked) >= MOST_ASKED:
            raise BadRequest("too many questions at once")
        task = self._tasks.spawn(self._answer(number, str(ask), head), f"viewer asks {str(ask)[:20]!r}")
        self._asked[number] = task
        task.add_done_callback(lambda _: self._asked.pop(number, None))

    async def _answer(self, number: int, ask: str, head: dict[str, Any]) -> None:
        try:
            answer = ANSWERS.get(ask)
            if answer is None:
                raise BadRequest(f"{ask[:40]!r} is no question", field="ask", cure="This home may be older than the page.")
            await answer(self, number, head)
        except GuardianError as error:
            said = {"code": error.code, "message": error.message, "cure": error.cure}
            await self.say({"id": number, "error": said})
        except OSError as error:
            said = {"code": "unavailable", "message": f"it cannot be read: {error.strerror}", "cure": ""}
            await self.say({"id": number, "error": said})

    async def say(self, head: dict[str, Any], body: bytes = b"") -> None:
        """Send a message, or wait until there is room. Whoever is cancelled meanwhile has sent nothing."""
        from guardian.vault.viewer_channel import pack

        await self._waiting.put(pack(head, body))

    async def _write(self) -> None:
        """Seal and send, one after the other, and never break off between the two: a number that is left out ends the session."""
        try:
            while True:
                await self._call.write(self._channel.seal(await self._waiting.get()))
        except ServiceUnavailable:
            self.over.set()

    async def give(self, number: int, body: bytes, head: dict[str, Any] | None = None) -> None:
        """Send an answer with a body of any length, in pieces. Every piece but the last says `piece`."""
        value: dict[str, Any] = {"id": number} | (head or {})
        for at in range(0, max(1, len(body)), PART):
            last = at + PART >= len(body)
            await self.say(value if last else value | {"piece": 1}, body[at : at + PART])


async def within(tasks: Tasks, reading: Coroutine[Any, Any, bytes | None], seconds: float) -> bytes | None:
    """Return what is read, or None after a while: then the call is over, and with it the reading."""
    task = tasks.spawn(reading, "viewer's frame")
    await asyncio.wait({task}, timeout=seconds)
    return task.result() if task.done() else None


def _text(head: dict[str, Any], name: str, default: str | None = None) -> str:
    value = head.get(name, default)
    if not isinstance(value, str) or not len(value) <= 200:
        raise BadRequest(f"{name} is no text", field=name)
    return value


def _number(head: dict[str, Any], name: str, least: int, most: int, default: int | None = None) -> int:
    value = head.get(name, default)
    if type(value) is not int or not least <= value <= most:
        raise BadRequest(f"{name} is no number from {least} to {most}", field=name)
    return value


async def _home(session: Session, number: int, head: dict[str, Any]) -> None:
    cameras = [
        {"id": one.id, "name": one.name, "state": one.status.state.value, "recording": one.status.recording}
        for one in session.sources.cameras.list()
    ]
    await session.say({"id": number, "cameras": cameras})


def _event(event: Event) -> dict[str, Any]:
    return {
        "id": event.id,
        "camera": event.camera,
        "label": event.label,
        "score": round(event.score, 2),
        "start_us": event.start_us,
        "end_us": event.end_us,
        "zones": list(event.zones),
        "picture": bool(event.snapshot),
    }


async def _events(session: Session, number: int, head: dict[str, Any]) -> None:
    query = EventQuery(
        camera=_text(head, "camera", "") or None,
        limit=_number(head, "limit", 1, MOST_PAGE, 30),
        cursor=_text(head, "cursor", "") or None,
    )
    page, cursor = await session.sources.events.list(query)
    await session.say({"id": number, "events": [_event(one) for one in page], "cursor": cursor})


async def _picture(session: Session, number: int, head: dict[str, Any]) -> None:
    event = await session.sources.events.get(_text(head, "event"))
    if not event.snapshot:
        raise NotFound("this event has no picture", field="event")
    path = inside(session.sources.pictures, event.snapshot)
    try:
        sealed = await asyncio.to_thread(path.read_bytes)
    except FileNotFoundError:
        raise NotFound("the picture of this event is gone", field="event") from None
    await session.give(number, sealed)


async def _clip(session: Session, number: int, head: dict[str, Any]) -> None:
    """Which fragments of which segments make an event's clip, and how long their files are."""
    event, span = await session.sources.events.clip_span(_text(head, "event"))
    end_us = min(span.end_us, span.start_us + MOST_CLIP_US)
    segments = await session.sources.footage.segments(event.camera, "main", span.start_us, end_us)
    playlist = plan(event.camera, "main", span.start_us, end_us, segments)
    if not playlist.entries:
        raise NotFound("there is no footage of this event", field="event", cure="It may be older than what is kept.")
    used = {one.segment_id for one in playlist.entries}
    files = {
        one.header.segment_id: {"size": one.table[-1].offset + one.table[-1].size if one.open else await _size(one.path)}
        for one in segments
        if one.header.segment_id in used
    }
    entries = [
        [one.segment_id, one.index, one.start_utc_us, one.duration_90k, int(one.new_init), int(one.discontinuity)]
        for one in playlist.entries
    ]
    value = {"id": number, "codecs": playlist.codecs, "start_us": playlist.start_us, "end_us": playlist.end_us}
    await session.say({**value, "event_us": event.start_us, "files": files, "entries": entries})


async def _size(path: Path) -> int:
    return (await asyncio.to_thread(path.stat)).st_size


async def _bytes(session: Session, number: int, head: dict[str, Any]) -> None:
    segment = await session.sources.footage.segment(_text(head, "segment"))
    start = _number(head, "start", 0, 1 << 50)
    end = _number(head, "end", start, start + MOST_RANGE)
    try:
        sealed = await asyncio.to_thread(_read, segment.path, start, end)
    except FileNotFoundError:
        raise NotFound("the footage is gone", field="segment", cure="It was the oldest; choose a later event.") from None
    await session.give(number, sealed)


def _read(path: Path, start: int, end: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(end - start)


async def _live(session: Session, number: int, head: dict[str, Any]) -> None:
    """The picture as it comes, until the viewer says stop. Begins anew by itself where the camera does: with another `init`."""
    camera, prefer = _text(head, "camera"), _text(head, "prefer", "main")
    can = head.get("can")
    if not isinstance(can, list) or not set(map(str, can)) <= {"h264", "h265"}:
        raise BadRequest("can names no codecs", field="can")
    session.sources.cameras.get(camera)
    async with session.sources.live.subscribe(camera, frozenset(map(str, can)), prefer) as feed:
        said = {
            "codecs": feed.codecs,
            "width": feed.width,
            "height": feed.height,
            "note": feed.note,
            "live": "init",
            "more": 1,
        }
        await session.give(number, feed.init, said)
        async for _, fragment in feed:
            await session.give(number, fragment, {"live": "part", "more": 1})
    raise Conflict("the camera's picture was interrupted", cure="Ask again.")


ANSWERS: dict[str, Answer] = {
    "home": _home,
    "events": _events,
    "picture": _picture,
    "clip": _clip,
    "bytes": _bytes,
    "live": _live,
}
