"""Keeps child processes alive: watches each, starts it again after its death, waits longer when it dies young.

A child that was given bounds must give signs of life (`beat`) and stay within its memory; else it is killed and started again.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess

import psutil
import structlog

from guardian.model.health import Finding, Health
from guardian.model.time import Instant
from guardian.model.views import ProcessUse
from guardian.platform.clock import Clock
from guardian.platform.tasks import Tasks
from guardian.platform.usage import ProcessShare
from guardian.processes.spawning import start_process
from guardian.processes.watchdog import Bounds, Verdict, judge

_log = structlog.get_logger(__name__)
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 15.0
YOUNG_S = 20.0  # who lives longer starts again with the first wait
GRACE_S = 5.0
LOOK_EVERY_S = 1.0
START_PATIENCE_S = 30.0  # until a child's first sign of life
SAID_FOR_S = 3600.0  # so long after its end by force a child is a finding


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
    bounds: Bounds | None = None
    beat_s: float = 0.0
    patience_s: float = START_PATIENCE_S
    ended: Verdict | None = None  # by force, and when last, and how often
    ended_s: float = 0.0
    ended_times: int = 0
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class Supervisor:
    """All children of the conductor."""

    def __init__(self, clock: Clock, tasks: Tasks) -> None:
        self._clock, self._tasks = clock, tasks
        self._since_us = clock.now().utc_us
        self._own = ProcessShare(psutil.Process(), clock, self._since_us)
        self._children: dict[str, Child] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._guarding = False

    def start(
        self,
        role: str,
        name: str,
        entry: str,
        make_job: Callable[[], object],
        on_exit: Callable[[], None],
        bounds: Bounds | None = None,
    ) -> None:
        """Begin to keep a process alive. `make_job` is asked at each start; `on_exit` is told of each death."""
        child = Child(role, name, entry, make_job, on_exit, bounds=bounds)
        key = f"{role} {name}"
        self._children[key] = child
        self._keepers[key] = self._tasks.spawn(self._keep(child), f"keep {key}")
        if bounds is not None and not self._guarding:
            self._guarding = True
            self._tasks.spawn(self._guard(), "watchdog")

    def beat(self, role: str, name: str, patience_s: float = 0.0) -> None:
        """A child gave a sign of life; it may now keep silent for `patience_s` where that is longer than its bound."""
        child = self._children.get(f"{role} {name}")
        if child is not None:
            child.beat_s, child.patience_s = self._clock.mono_s(), patience_s

    async def _guard(self) -> None:
        looked_s = self._clock.mono_s()
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            now_s = self._clock.mono_s()
            late, looked_s = now_s - looked_s > 2 * LOOK_EVERY_S + 1, now_s
            if late:  # it was we who slept: what they said meanwhile has not been read yet
                continue
            for child in list(self._children.values()):
                verdict = _judged(child, now_s)
                if verdict is not None and not child.stopping:
                    self._end(child, verdict, now_s)

    def _end(self, child: Child, verdict: Verdict, now_s: float) -> None:
        first = child.ended is None or child.ended.what != verdict.what
        child.ended, child.ended_s, child.ended_times = verdict, now_s, child.ended_times + 1
        say = _log.error if first else _log.info
        say(f"process_{verdict.what}", role=child.role, name=child.name, problem=verdict.said, cure=verdict.cure)
        self.signal(child.role, child.name, signal.SIGKILL)

    def findings(self) -> tuple[Finding, ...]:
        """Return what had to be ended by force within the last hour."""
        now_s = self._clock.mono_s()
        return tuple(
            Finding(
                f"process {child.role} {child.name}",
                Health.WARNING,
                f"The {child.role} process {child.ended.said}; it was started again"
                + (f", {child.ended_times} times so far." if child.ended_times > 1 else "."),
                child.ended.cure,
            )
            for child in self._children.values()
            if child.ended is not None and now_s - child.ended_s < SAID_FOR_S
        )

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
        child.beat_s, child.patience_s = self._clock.mono_s(), START_PATIENCE_S
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
        try:
            if child is not None and child.process is not None and child.process.pid:
                psutil.Process(child.process.pid).send_signal(number)
        except (psutil.NoSuchProcess, ValueError):  # it ended in this very moment
            pass

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


def _judged(child: Child, now_s: float) -> Verdict | None:
    if child.bounds is None:
        return None
    try:
        if child.process is None or not child.process.pid:
            return None
        memory = psutil.Process(child.process.pid).memory_info().rss if child.bounds.memory_bytes else 0
    except (psutil.Error, ValueError):
        return None
    return judge(child.bounds, now_s - child.beat_s, child.patience_s, memory)


def memory_of(process: psutil.Process) -> int:
    """Return a process's share of memory in bytes: PSS, or RSS where the kernel does not tell."""
    try:
        return int(process.memory_full_info().pss)
    except (psutil.Error, AttributeError):
        return int(process.memory_info().rss)
