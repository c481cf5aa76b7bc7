"""In Redis: several processes share keys and limits, and hear each other. One connection listens for all channels of a process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

import redis.asyncio as redis
import structlog
from redis.exceptions import RedisError

from guardian.platform.clock import Clock
from guardian.platform.tasks import Tasks
from guardian_cloud.ephemeral.contract import Rate
from guardian_cloud.ephemeral.memory import Ears
from guardian_cloud.model.errors import Unavailable

_log = structlog.get_logger(__name__)
PREFIX = "guardian:"
RETRY_S = 1.0
# GCRA as in gcra.py, on the server's own clock: processes whose clocks differ still share one limit.
_GCRA = """
local now = redis.call('TIME')
local now_s = tonumber(now[1]) + tonumber(now[2]) / 1000000
local interval, burst = 1 / tonumber(ARGV[1]), tonumber(ARGV[2])
local start = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now_s)
local wait = start + interval - now_s - burst * interval
if wait > 0.000000001 then return tostring(wait) end
redis.call('SET', KEYS[1], string.format('%.6f', start + interval), 'PX', math.ceil((burst + 1) * interval * 1000))
return '0'
"""


class RedisEphemeral:
    """Keys, limits and channels in Redis."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._clock = clock
        self._redis = redis.from_url(url, health_check_interval=15, socket_timeout=10, socket_connect_timeout=5)
        self._listening = redis.from_url(url, health_check_interval=15, socket_connect_timeout=5)
        self._gcra = self._redis.register_script(_GCRA)
        self._ears: dict[str, set[Ears]] = {}
        self._pubsub = self._listening.pubsub(ignore_subscribe_messages=True)
        self._tasks = Tasks()
        self._reader: asyncio.Task[Any] | None = None

    async def _ask(self, call: Awaitable[Any]) -> Any:
        try:
            return await call
        except (RedisError, OSError) as error:
            raise Unavailable(
                "Redis does not answer, or refuses", cure="Is it there, and is ephemeral.redis_url right?"
            ) from error

    async def put(self, key: str, value: bytes, seconds: int) -> None:
        await self._ask(self._redis.set(PREFIX + key, value, ex=seconds))

    async def get(self, key: str) -> bytes | None:
        return cast("bytes | None", await self._ask(self._redis.get(PREFIX + key)))

    async def take(self, key: str) -> bytes | None:
        return cast("bytes | None", await self._ask(self._redis.getdel(PREFIX + key)))

    async def drop(self, key: str) -> None:
        await self._ask(self._redis.delete(PREFIX + key))

    async def wait_s(self, key: str, rate: Rate) -> float:
        return float(await self._ask(self._gcra(keys=[f"{PREFIX}limit:{key}"], args=[rate.per_s, rate.burst])))

    async def tell(self, channel: str, word: bytes) -> None:
        await self._ask(self._redis.publish(PREFIX + channel, word))

    @asynccontextmanager
    async def listen(self, channel: str) -> AsyncIterator[Ears]:
        ears, name = Ears(), PREFIX + channel
        first = name not in self._ears
        self._ears.setdefault(name, set()).add(ears)
        try:
            if first:
                await self._ask(self._pubsub.subscribe(name))
            if self._reader is None:
                self._reader = self._tasks.spawn(self._read(), "redis channels")
            yield ears
        finally:
            self._ears[name].discard(ears)
            if not self._ears[name]:
                del self._ears[name]
                with suppress(RedisError, OSError):
                    await self._pubsub.unsubscribe(name)

    async def _read(self) -> None:
        while True:
            try:
                if not self._pubsub.subscribed:
                    await self._clock.sleep(0.05)
                    continue
                message = await self._pubsub.get_message(timeout=5.0)
            except (RedisError, OSError) as error:
                _log.warning("redis_lost", error=type(error).__name__)
                for ears in [one for some in self._ears.values() for one in some]:
                    ears.hear(None)  # words were lost meanwhile: whoever waits looks for themselves
                await self._clock.sleep(RETRY_S)
                continue
            if message is not None:
                for ears in self._ears.get(message["channel"].decode(), ()):
                    ears.hear(message["data"])

    async def ping(self) -> None:
        """Unavailable where it does not answer."""
        await self._ask(cast("Awaitable[Any]", self._redis.ping()))

    async def close(self) -> None:
        await self._tasks.close()
        await self._pubsub.aclose()  # type: ignore[no-untyped-call]
        await self._listening.aclose()
        await self._redis.aclose()
