"""Calls hooks: each plugin alone, under a guard and a deadline, in order of name. Nobody who records waits for a plugin."""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Callable
from typing import Any

import pluggy
import structlog

from guardian.hookspecs import POLICIES
from guardian.platform.clock import Clock
from guardian.platform.tasks import Tasks
from guardian.pluginhost.breaker import Breaker

_log = structlog.get_logger(__name__)
Call = tuple[str, dict[str, Any]]


def _arguments(plugin: object, hook: str, given: dict[str, Any]) -> dict[str, Any]:
    """Pass only what the implementation asks for."""
    wanted = inspect.signature(getattr(plugin, hook)).parameters
    return {name: value for name, value in given.items() if name in wanted}


class ObserverQueue:
    """One plugin's waiting observe calls. Full: the oldest update goes, a start or an end never does."""

    def __init__(self, name: str, plugin: object, size: int, clock: Clock) -> None:
        self.name, self._plugin, self._size, self._clock = name, plugin, size, clock
        self._calls: deque[Call] = deque()
        self._ready = asyncio.Event()
        self.breaker = Breaker()
        self.dropped = 0

    def put(self, hook: str, arguments: dict[str, Any]) -> None:
        """Add a call; never blocks."""
        if len(self._calls) >= self._size:
            victim = next((i for i, (waiting, _) in enumerate(self._calls) if waiting.endswith("_updated")), None)
            if victim is not None:
                del self._calls[victim]
                self.dropped += 1
            elif hook.endswith("_updated"):
                self.dropped += 1
                return
            elif len(self._calls) >= 4 * self._size:  # a plugin that hangs for good must not eat the memory
                self._calls.popleft()
                self.dropped += 1
        self._calls.append((hook, arguments))
        self._ready.set()

    async def run(self) -> None:
        """Make the calls, in order, for ever."""
        while True:
            await self._ready.wait()
            while self._calls:
                hook, arguments = self._calls.popleft()
                if self.breaker.allows(self._clock.mono_s()):
                    await self.call(hook, arguments)
                else:
                    self.dropped += 1
            self._ready.clear()

    async def call(self, hook: str, arguments: dict[str, Any]) -> Any:
        """Make one call under its deadline; None and a log line when it fails."""
        deadline = POLICIES[hook].deadline_s
        try:
            async with asyncio.timeout(deadline):
                result = getattr(self._plugin, hook)(**_arguments(self._plugin, hook, arguments))
                if inspect.isawaitable(result):
                    result = await result
        except TimeoutError:
            self._failed(hook, f"took longer than {deadline:g} s")
            return None
        except Exception as error:  # noqa: BLE001 - foreign code: the plugin named in the log
            self._failed(hook, f"{type(error).__name__}: {error}")
            return None
        self.breaker.succeeded()
        return result

    def _failed(self, hook: str, problem: str) -> None:
        opened = self.breaker.failed(self._clock.mono_s())
        _log.warning(
            "plugin_failed", plugin=self.name, hook=hook, problem=problem, paused_s=self.breaker.last_open_s if opened else 0
        )


class Dispatcher:
    """Calls observe and ask hooks of all running plugins."""

    def __init__(self, manager: pluggy.PluginManager, clock: Clock, tasks: Tasks) -> None:
        self._manager, self._clock, self._tasks = manager, clock, tasks
        self.queues: dict[str, ObserverQueue] = {}

    def add(self, name: str, plugin: object) -> None:
        """Begin delivering to a plugin."""
        queue = ObserverQueue(name, plugin, 256, self._clock)
        self.queues[name] = queue
        self._tasks.spawn(queue.run(), f"plugin {name}")

    def _filling(self, hook: str) -> list[ObserverQueue]:
        caller = getattr(self._manager.hook, hook)
        names = sorted(impl.plugin_name for impl in caller.get_hookimpls())
        return [self.queues[name] for name in names if name in self.queues]

    def observe(self, hook: str, **arguments: Any) -> None:
        """Tell every plugin that fills the hook; returns at once."""
        for queue in self._filling(hook):
            queue.put(hook, arguments)

    async def all_of(self, hook: str, **arguments: Any) -> dict[str, Any]:
        """Call every plugin that fills the hook, at once, and return the answers by plugin name (missing: it failed)."""
        queues = self._filling(hook)
        answers = await asyncio.gather(*(queue.call(hook, arguments) for queue in queues))
        return {queue.name: answer for queue, answer in zip(queues, answers, strict=True) if answer is not None}


def declared(name: str, plugin: object, hook: str, report: Callable[[str], None]) -> tuple[Any, ...]:
    """Call one declare hook of one plugin; on failure report a sentence and return nothing."""
    try:
        return tuple(getattr(plugin, hook)())
    except Exception as error:  # noqa: BLE001 - foreign code: the plugin named in the report
        report(f"plugin {name}: {hook} failed: {type(error).__name__}: {error}")
        return ()
