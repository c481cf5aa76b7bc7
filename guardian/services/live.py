"""Live video: cameras send a feed only while somebody looks, and each viewer gets what their player can play."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from guardian.model.errors import BadRequest, ServiceUnavailable
from guardian.model.messages import LiveFragment, LiveInit
from guardian.platform.clock import Clock
from guardian.platform.tasks import Tasks

GRACE_S = 5.0  # a page that is loaded again finds its feed still running
INIT_WITHIN_S = 10.0  # a camera sends it at once; a transcode needs its first keyframe
MAX_GOP_FRAGMENTS = 3000  # 100 s at 30 frames a second
MAX_GOP_BYTES = 16 * 1024 * 1024
MAX_QUEUE_FRAGMENTS = 240  # 8 s at 30 frames a second
MAX_QUEUE_BYTES = 8 * 1024 * 1024
CODEC_NAMES = {"h264": "H.264", "h265": "H.265"}

Want = Callable[[str, str, bool], object]
Piece = tuple[bool, bytes]


@dataclass(frozen=True, slots=True)
class Choice:
    """A feed, and for people why it is not the one they asked for."""

    feed: str
    note: str = ""


def choose(streams: tuple[tuple[str, str], ...], can_play: frozenset[str], prefer: str) -> Choice:
    """Choose what a viewer gets: the stream they prefer, else another they can play, else a transcode of the first."""
    order = sorted(streams, key=lambda stream: stream[0] != prefer)
    first, codec = order[0]
    for feed, their_codec in order:
        if their_codec in can_play:
            if feed == first:
                return Choice(feed)
            return Choice(feed, f"This player cannot play {_name(codec)}, so it shows the camera's {feed} stream.")
    if "h264" not in can_play:
        wanted = ", ".join(sorted({_name(their_codec) for _, their_codec in streams} | {"H.264"}))
        raise BadRequest(
            "this player can play nothing that the camera sends",
            field="can",
            cure=f"Use a player that plays one of: {wanted}.",
        )
    return Choice(f"{first}/h264", f"This player cannot play {_name(codec)}, so the picture is turned into H.264 for it.")


def _name(codec: str) -> str:
    return CODEC_NAMES.get(codec, codec.upper())


class _Viewer:
    """What waits for one viewer. Full: skip to the next keyframe."""

    def __init__(self, backlog: tuple[Piece, ...], *, from_next_key: bool) -> None:
        self._waiting: deque[Piece] = deque(backlog)
        self._bytes = sum(len(data) for _, data in backlog)
        self._grant = (len(backlog), self._bytes)  # the GOP it began with may be longer than the queue
        self._skipping = from_next_key
        self._wake = asyncio.Event()
        self._ended = False
        self.skipped = 0

    def offer(self, is_key: bool, data: bytes) -> None:
        if self._is_full() or self._skipping:
            if not is_key:
                self._skipping = True
                self.skipped += 1
                return
            if self._is_full():
                self.skipped += len(self._waiting)
                self._waiting.clear()
                self._bytes = 0
            self._skipping = False
        self._waiting.append((is_key, data))
        self._bytes += len(data)
        self._wake.set()

    def _is_full(self) -> bool:
        count, size = self._grant
        return len(self._waiting) >= MAX_QUEUE_FRAGMENTS + count or self._bytes >= MAX_QUEUE_BYTES + size

    def end(self) -> None:
        """Nothing more comes."""
        self._ended = True
        self._wake.set()

    async def pieces(self) -> AsyncIterator[Piece]:
        while True:
            while self._waiting:
                piece = self._waiting.popleft()
                self._bytes -= len(piece[1])
                yield piece
            self._grant = (0, 0)
            if self._ended:
                return
            self._wake.clear()
            await self._wake.wait()


@dataclass(slots=True)
class ViewerFeed:
    """Implements `contract.LiveFeed`."""

    codecs: str
    width: int
    height: int
    note: str
    init: bytes
    feed: str
    _viewer: _Viewer

    def __aiter__(self) -> AsyncIterator[Piece]:
        return self._viewer.pieces()

    @property
    def skipped(self) -> int:
        """Fragments that this viewer was too slow for."""
        return self._viewer.skipped


@dataclass(slots=True, eq=False)
class _Feed:
    """One feed of one camera while somebody looks, and some seconds longer."""

    camera: str
    name: str
    info: LiveInit | None = None
    init: bytes = b""
    gop: list[Piece] = field(default_factory=list)
    gop_bytes: int = 0
    gop_whole: bool = False
    viewers: set[_Viewer] = field(default_factory=set)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    gone: bool = False
    interest: int = 0  # those who look and those who wait for it
    generation: int = 0  # grows with each interest, so that an old farewell does not end a new one

    def begin(self, info: LiveInit, init: bytes) -> None:
        """A run begins. Its media clock starts anew: those who look have to as well."""
        self.reset()
        self.info, self.init, self.gop_whole = info, init, True
        self.changed.set()

    def reset(self) -> None:
        """What was is over."""
        self.info, self.init = None, b""
        self.gop, self.gop_bytes, self.gop_whole = [], 0, False
        self.changed.clear()
        for viewer in self.viewers:
            viewer.end()
        self.viewers.clear()

    def push(self, is_key: bool, data: bytes) -> None:
        if is_key:
            self.gop, self.gop_bytes, self.gop_whole = [], 0, True
        if self.gop_whole and (self.gop or is_key):
            if len(self.gop) < MAX_GOP_FRAGMENTS and self.gop_bytes + len(data) <= MAX_GOP_BYTES:
                self.gop.append((is_key, data))
                self.gop_bytes += len(data)
            else:  # a GOP with a hole helps nobody
                self.gop, self.gop_bytes, self.gop_whole = [], 0, False
        for viewer in self.viewers:
            viewer.offer(is_key, data)

    def join(self) -> _Viewer:
        """A viewer that begins with the latest keyframe."""
        viewer = _Viewer(tuple(self.gop), from_next_key=not self.gop)
        self.viewers.add(viewer)
        return viewer


class LiveHub:
    """Implements `contract.Live`. `want(camera, feed, on)` tells a camera to begin or stop sending a feed."""

    def __init__(self, want: Want, clock: Clock, tasks: Tasks) -> None:
        self._want, self._clock, self._tasks = want, clock, tasks
        self._streams: dict[str, tuple[tuple[str, str], ...]] = {}
        self._feeds: dict[tuple[str, str], _Feed] = {}

    # what cameras say

    def set_streams(self, camera: str, streams: tuple[tuple[str, str], ...]) -> None:
        """Take the streams that a camera now delivers, as (stream, codec word); none while it is away."""
        before = self._streams.get(camera, ())
        self._streams[camera] = streams
        gone = {name for name, _ in before} - {name for name, _ in streams}
        for feed in self._of(camera):
            if feed.name.partition("/")[0] in gone:
                feed.reset()

    def on_init(self, camera: str, info: LiveInit, payload: bytes) -> None:
        """Take a feed's init segment: a new run begins."""
        feed = self._feeds.get((camera, info.feed))
        if feed is not None:
            feed.begin(info, payload)

    def on_fragment(self, camera: str, fragment: LiveFragment, payload: bytes) -> None:
        """Take a feed's next fragment."""
        feed = self._feeds.get((camera, fragment.feed))
        if feed is not None and feed.info is not None:
            feed.push(fragment.is_key, payload)

    def camera_gone(self, camera: str) -> None:
        """The camera's process has ended; its next one knows of no feed."""
        self._streams.pop(camera, None)
        for feed in self._of(camera):
            feed.reset()
            feed.gone = True
            feed.changed.set()
            del self._feeds[camera, feed.name]

    def _of(self, camera: str) -> list[_Feed]:
        return [feed for (name, _), feed in self._feeds.items() if name == camera]

    # what viewers ask

    @asynccontextmanager
    async def subscribe(self, camera: str, can_play: frozenset[str], prefer: str = "main") -> AsyncIterator[ViewerFeed]:
        """A feed that the viewer can play, until the block is left. ServiceUnavailable while the camera is away."""
        streams = self._streams.get(camera, ())
        if not streams:
            raise ServiceUnavailable("the camera sends no picture now", cure="It is tried again by itself; see its state.")
        choice = choose(streams, can_play, prefer)
        feed = self._enter(camera, choice.feed)
        viewer: _Viewer | None = None
        try:
            info = await self._ready(feed)
            viewer = feed.join()
            note = choice.note or info.note
            yield ViewerFeed(info.codecs, info.width, info.height, note, feed.init, feed.name, viewer)
        finally:
            if viewer is not None:
                feed.viewers.discard(viewer)
            self._leave(feed)

    def viewers(self, camera: str) -> int:
        """How many look at a camera."""
        return sum(len(feed.viewers) for feed in self._of(camera))

    def close(self) -> None:
        """End every feed, so that connections can close."""
        for camera in {camera for camera, _ in self._feeds}:
            self.camera_gone(camera)

    def _enter(self, camera: str, name: str) -> _Feed:
        feed = self._feeds.get((camera, name))
        if feed is None:
            feed = self._feeds[camera, name] = _Feed(camera, name)
            self._want(camera, name, True)
        feed.interest += 1
        feed.generation += 1
        return feed

    async def _ready(self, feed: _Feed) -> LiveInit:
        try:
            async with asyncio.timeout(INIT_WITHIN_S):
                while feed.info is None and not feed.gone:
                    await feed.changed.wait()
        except TimeoutError:
            pass
        if feed.info is None:
            raise ServiceUnavailable(
                "the camera does not deliver this picture", cure="Look at its state; try its other stream, or H.265."
            )
        return feed.info

    def _leave(self, feed: _Feed) -> None:
        feed.interest -= 1
        if feed.interest == 0 and self._feeds.get((feed.camera, feed.name)) is feed:
            self._tasks.spawn(self._farewell(feed, feed.generation), f"end live {feed.camera} {feed.name}")

    async def _farewell(self, feed: _Feed, generation: int) -> None:
        await self._clock.sleep(GRACE_S)
        if feed.generation == generation and self._feeds.get((feed.camera, feed.name)) is feed:
            del self._feeds[feed.camera, feed.name]
            self._want(feed.camera, feed.name, False)
