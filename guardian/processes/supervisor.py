"""Keeps child processes alive: watches each, starts it again after its death, waits longer when it dies young."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess

import psutil
import structlog

from guardian.model.time import Instant
from guardian.model.views import ProcessUse
from guardian.platform.clock import Clock
from guardian.platform.tasks import Tasks
from guardian.platform.usage import ProcessShare
from guardian.processes.spawning import start_process

_log = structlog.get_logger(__name__)
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 15.0
YOUNG_S = 20.0  # who lives longer starts again with the first wait
GRACE_S = 5.0


@dataclass(slots=True)
class Child:
    """One supervised process."""

    role: str
    name: str
    entry: str
    make_job: Callable[[], object]
    on_exit: Callable[[], None]
    process: ForkServerProcess | None = None
    restarts: int = 0
    since_us: int = 0
    stopping: bool = False
    usage: ProcessShare | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class Supervisor:
    """All children of the conductor."""

    def __init__(self, clock: Clock, tasks: Tasks) -> None:
        self._clock, self._tasks = clock, tasks
        self._since_us = clock.now().utc_us
        self._own = ProcessShare(psutil.Process(), clock, self._since_us)
        self._children: dict[str, Child] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}

    def start(self, role: str, name: str, entry: str, make_job: Callable[[], object], on_exit: Callable[[], None]) -> None:
        """Begin to keep a process alive. `make_job` is asked at each start; `on_exit` is told of each death."""
        child = Child(role, name, entry, make_job, on_exit)
        key = f"{role} {name}"
        self._children[key] = child
        self._keepers[key] = self._tasks.spawn(self._keep(child), f"keep {key}")

    def running(self, role: str, name: str) -> Child | None:
        """Return a child, or None."""
        return self._children.get(f"{role} {name}")

    async def _keep(self, child: Child) -> None:
        wait_s = FIRST_WAIT_S
        while not child.stopping:
            started = self._clock.now()
            ended = await self._live(child, started)
            if child.stopping:
                break
            child.restarts += 1
            lived_s = (self._clock.now().mono_us - started.mono_us) / 1e6
            wait_s = FIRST_WAIT_S if lived_s > YOUNG_S else min(LONGEST_WAIT_S, wait_s * 2)
            lived = {"lived_s": round(lived_s, 1), "again_in_s": wait_s}
            _log.warning("process_died", role=child.role, name=child.name, **ended, **lived)
            try:
                await asyncio.wait_for(child.wake.wait(), wait_s)
            except TimeoutError:
                pass

    async def _live(self, child: Child, started: Instant) -> dict[str, object]:
        """Start a child and wait for its end; return what is to be said of that end."""
        try:
            child.process = await asyncio.to_thread(
                start_process, child.entry, child.make_job(), f"{child.role}-{child.name}"
            )
        except (
            OSError,
            EOFError,
        ) as error:  # no memory, no descriptor, no process left; or the forkserver was killed meanwhile
            return {"cannot_start": type(error).__name__, "reason": str(error)}
        child.since_us, child.usage = started.utc_us, None
        _log.info("process_started", role=child.role, name=child.name, pid=child.process.pid)
        code = await self._exit_of(child.process)
        child.on_exit()
        return {"exit_code": code}

    async def _exit_of(self, process: ForkServerProcess) -> int | None:
        loop, gone = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(process.sentinel, gone.set)
        try:
            await gone.wait()
        finally:
            loop.remove_reader(process.sentinel)
        await asyncio.to_thread(process.join, 1.0)
        code = process.exitcode
        process.close()
        return code

    async def stop(self, role: str, name: str) -> None:
        """Wait for a child that was asked to end; after the grace time it is ended."""
        key = f"{role} {name}"
        child, keeper = self._children.pop(key, None), self._keepers.pop(key, None)
        if child is None or keeper is None:
            return
        child.stopping = True
        child.wake.set()
        done, _ = await asyncio.wait({keeper}, timeout=GRACE_S)
        if not done and child.process is not None:
            _log.warning("process_killed", role=role, name=name, after_s=GRACE_S)
            try:
                child.process.kill()
            except ValueError:  # closed in this very moment
                pass
            await asyncio.wait({keeper}, timeout=GRACE_S)

    def expect_end(self) -> None:
        """From here on a child that ends is not started again."""
        for child in self._children.values():
            child.stopping = True
            child.wake.set()

    def signal(self, role: str, name: str, number: signal.Signals) -> None:
        """Send a signal to one child."""
        child = self._children.get(f"{role} {name}")
        if child is not None and child.process is not None and child.process.pid:
            psutil.Process(child.process.pid).send_signal(number)

    def usage(self) -> tuple[ProcessUse, ...]:
        """Measure this process and every child. Blocking for some milliseconds."""
        own = self._own.process
        found = [ProcessUse("conductor", "", own.pid, self._own.look(), memory_of(own), 0, self._since_us)]
        for child in list(self._children.values()):
            use = self._measure(child)
            if use is not None:
                found.append(use)
        return tuple(found)

    def _measure(self, child: Child) -> ProcessUse | None:
        try:
            if child.process is None or not child.process.pid:
                return None
            if child.usage is None:
                child.usage = ProcessShare(psutil.Process(child.process.pid), self._clock, child.since_us)
            process, cpu = child.usage.process, child.usage.look()
            memory = memory_of(process)
        except (psutil.Error, ValueError):
            return None
        return ProcessUse(child.role, child.name, process.pid, cpu, memory, child.restarts, child.since_us)


def memory_of(process: psutil.Process) -> int:
    """Return a process's share of memory in bytes: PSS, or RSS where the kernel does not tell."""
    try:
        return int(process.memory_full_info().pss)
    except (psutil.Error, AttributeError):
        return int(process.memory_info().rss)
