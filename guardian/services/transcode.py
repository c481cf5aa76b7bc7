"""H.265 footage as H.264, for players that lack H.265: asks a child process, for this one must not load a codec."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from guardian.model.errors import ServiceUnavailable
from guardian.model.messages import TranscodeReply, TranscodeRequest
from guardian.platform.ipc import MAX_PAYLOAD, AsyncLink, LinkClosed
from guardian.platform.tasks import Tasks

_log = structlog.get_logger(__name__)
TIMEOUT_S = 20.0  # two seconds of 4K on a slow machine; a child that needs longer hangs
IDLE_S = 120.0  # an idle child holds some 60 MB


@dataclass(frozen=True, slots=True)
class Transcoding:
    """An init segment in H.264, and the last fragment asked for (empty when none was)."""

    init: bytes
    fragment: bytes

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return len(self.init) + len(self.fragment)


class Transcoder(Protocol):
    """Turns fragments into H.264."""

    async def transcode(self, init: bytes, fragments: Sequence[bytes]) -> Transcoding:
        """Transcode the last of `fragments`, which begin at a keyframe; tfdt stays, sound is passed through.

        With no fragments: the init segment alone.
        """
        ...


class Child(Protocol):
    """A started process."""

    def terminate(self) -> None: ...

    def kill(self) -> None: ...

    def join(self, timeout: float | None = None) -> None: ...


class TranscodeService:
    """Keeps one child process while it is needed. `start(socket)` starts it with its end of a socket pair."""

    def __init__(self, start: Callable[[socket.socket], Child], tasks: Tasks, *, idle_s: float = IDLE_S) -> None:
        self._start, self._tasks, self._idle_s = start, tasks, idle_s
        self._one_at_a_time = asyncio.Lock()
        self._link: AsyncLink | None = None
        self._child: Child | None = None
        self._ticket = 0
        self._timer: asyncio.TimerHandle | None = None

    async def transcode(self, init: bytes, fragments: Sequence[bytes]) -> Transcoding:
        """Ask the child; one that dies or hangs is replaced, once, before ServiceUnavailable."""
        if len(init) + sum(map(len, fragments)) > MAX_PAYLOAD:
            raise ServiceUnavailable(
                "this camera's GOP is too long to transcode", cure="Set a keyframe interval of 2 to 4 s at the camera."
            )
        async with self._one_at_a_time:
            try:
                return await self._ask(init, fragments)
            except (LinkClosed, TimeoutError):
                _log.warning("transcoder_lost")
                await self._end()
            try:
                return await self._ask(init, fragments)
            except (LinkClosed, TimeoutError) as error:
                await self._end()
                raise ServiceUnavailable(
                    "this footage could not be transcoded", cure="Use a player that plays H.265, or export it."
                ) from error

    async def _ask(self, init: bytes, fragments: Sequence[bytes]) -> Transcoding:
        link = self._link or await self._begin()
        self._ticket = ticket = self._ticket + 1
        async with asyncio.timeout(TIMEOUT_S):
            request = TranscodeRequest(ticket, len(init), tuple(map(len, fragments)))
            link.send(request, b"".join((init, *fragments)))
            reply, payload = await link.receive()
        if not isinstance(reply, TranscodeReply) or reply.ticket != ticket:
            raise LinkClosed("an answer to another question")
        self._restart_timer()
        if reply.error:
            raise ServiceUnavailable(
                f"this footage could not be transcoded: {reply.error}", cure="Use a player that plays H.265, or export it."
            )
        return Transcoding(payload[: reply.init_bytes], payload[reply.init_bytes :])

    async def _begin(self) -> AsyncLink:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._child = await asyncio.to_thread(self._start, theirs)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self._link = AsyncLink(*await asyncio.open_unix_connection(sock=ours))
        return self._link

    def _restart_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(
            self._idle_s, lambda: self._tasks.spawn(self.close(), "end idle transcoder")
        )

    async def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        link, self._link = self._link, None
        child, self._child = self._child, None
        if link is not None:
            await link.close()
        if child is not None:
            child.terminate()
            await asyncio.to_thread(child.join, 2.0)

    async def close(self) -> None:
        """End the child; the next question starts another."""
        async with self._one_at_a_time:
            await self._end()
