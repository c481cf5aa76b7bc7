"""Asks classifiers and text embedders, which live in a child process: this one must load no codec and no network, and
nothing may wait for a plugin that hangs or fall with one that crashes.
"""

from __future__ import annotations

import array
import asyncio
import socket
import sys
from collections.abc import Callable, Sequence

import structlog

from guardian.model.classification import Classification
from guardian.model.errors import ServiceUnavailable
from guardian.model.messages import ClassifyReply, ClassifyRequest, EmbedReply, EmbedRequest, Message, RankRequest
from guardian.platform.clock import Clock
from guardian.platform.ipc import AsyncLink, LinkClosed
from guardian.platform.tasks import Tasks
from guardian.pluginhost.breaker import Breaker
from guardian.services.transcode import Child

_log = structlog.get_logger(__name__)
ANSWER_S = 5.0
FIRST_ANSWER_S = 45.0  # the process starts and loads a model
IDLE_S = 120.0  # an idle child holds some 60 MB, and whatever its models need


class InsightService:
    """Keeps one child process while it is needed. `start(socket)` starts it with its end of a socket pair."""

    def __init__(
        self,
        start: Callable[[socket.socket], Child],
        clock: Clock,
        tasks: Tasks,
        *,
        idle_s: float = IDLE_S,
        answer_s: float = ANSWER_S,
    ) -> None:
        self._start, self._clock, self._tasks = start, clock, tasks
        self._idle_s, self._answer_s = idle_s, answer_s
        self._one_at_a_time = asyncio.Lock()
        self._link: AsyncLink | None = None
        self._child: Child | None = None
        self._known: set[str] = set()
        self._breakers: dict[str, Breaker] = {}
        self._problems: dict[str, str] = {}
        self._ticket = 0
        self._timer: asyncio.TimerHandle | None = None

    async def classify(self, classifier: str, label: str, jpeg: bytes) -> Classification:
        """What a classifier says of a crop; ServiceUnavailable when it fails, hangs, or failed too often lately."""
        self._ticket += 1
        reply, _ = await self._ask(classifier, ClassifyRequest(self._ticket, classifier, label), jpeg)
        assert isinstance(reply, ClassifyReply)
        return reply.said

    async def embed(self, embedder: str, texts: Sequence[str]) -> tuple[bytes, ...]:
        """One vector a text."""
        self._ticket += 1
        _, payload = await self._ask(embedder, EmbedRequest(self._ticket, embedder, tuple(texts)))
        size = len(payload) // max(1, len(texts))
        return tuple(payload[at * size : (at + 1) * size] for at in range(len(texts)))

    async def rank(self, embedder: str, text: str, vectors: Sequence[bytes]) -> tuple[float, ...]:
        """How near a text is to each vector: the cosine."""
        self._ticket += 1
        request = RankRequest(self._ticket, embedder, text, len(vectors))
        _, payload = await self._ask(embedder, request, b"".join(vectors))
        values = array.array("f", payload)
        if sys.byteorder == "big":
            values.byteswap()
        return tuple(values)

    def problems(self) -> dict[str, str]:
        """Why which classifier or embedder does not work now."""
        return dict(self._problems)

    async def _ask(
        self, name: str, request: ClassifyRequest | EmbedRequest | RankRequest, payload: bytes = b""
    ) -> tuple[Message, bytes]:
        breaker = self._breakers.setdefault(name, Breaker())
        if not breaker.allows(self._clock.mono_s()):
            raise ServiceUnavailable(f"{name} is left alone for a while: {self._problems.get(name, 'it failed')}")
        async with self._one_at_a_time:
            try:
                reply, content = await self._exchange(name, request, payload)
                problem = reply.error
            except TimeoutError:  # first, for it is an OSError too
                problem = "it did not answer in time"
                await self._end()
            except (LinkClosed, OSError):
                problem = "its process crashed"
                await self._end()
        if problem:
            if breaker.failed(self._clock.mono_s()) or name not in self._problems:
                _log.warning("insight_failed", plugin_kind=name, problem=problem)
            self._problems[name] = problem
            raise ServiceUnavailable(f"{name}: {problem}", cure="See `guardian plugins list`, or turn it off.")
        breaker.succeeded()
        self._problems.pop(name, None)
        return reply, content

    async def _exchange(
        self, name: str, request: ClassifyRequest | EmbedRequest | RankRequest, payload: bytes
    ) -> tuple[ClassifyReply | EmbedReply, bytes]:
        async with asyncio.timeout(self._answer_s if name in self._known else FIRST_ANSWER_S):
            link = self._link or await self._begin()
            link.send(request, payload)
            reply, content = await link.receive()
        if not isinstance(reply, ClassifyReply | EmbedReply) or reply.ticket != request.ticket:
            raise LinkClosed("an answer to another question")
        self._known.add(name)
        self._restart_timer()
        return reply, content

    async def _begin(self) -> AsyncLink:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._child = await asyncio.to_thread(self._start, theirs)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self._known.clear()
        self._link = AsyncLink(*await asyncio.open_unix_connection(sock=ours))
        return self._link

    def _restart_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(
            self._idle_s, lambda: self._tasks.spawn(self.close(), "end idle insight process")
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
            child.kill()
            await asyncio.to_thread(child.join, 2.0)

    async def close(self) -> None:
        """End the child; the next question starts another."""
        async with self._one_at_a_time:
            await self._end()
