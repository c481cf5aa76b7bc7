"""How the box is: processes, disk, memory, inference, and what needs the owner."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from guardian import __version__
from guardian.model.archive import ArchiveStatus
from guardian.model.camera import CameraState, CameraView
from guardian.model.health import Finding, Health
from guardian.model.views import InferenceView, ProcessUse, SpaceState, SpaceStatus, SystemStatus, VaultStatus
from guardian.platform.clock import Clock
from guardian.platform.usage import MachineShare

SPACE_HEALTH = {
    SpaceState.MAKING_ROOM: Health.WARNING,
    SpaceState.PAUSED: Health.ERROR,
    SpaceState.FAILING: Health.ERROR,
}
SPACE_WORDS = {
    SpaceState.MAKING_ROOM: "The disk is full. ",
    SpaceState.PAUSED: "Recording is paused. ",
    SpaceState.FAILING: "Recording fails. ",
}


async def _no_archives() -> tuple[ArchiveStatus, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class HealthSources:
    """Where health is read from; the conductor passes them in. `footage` gives (bytes, oldest moment or None)."""

    cameras: Callable[[], tuple[CameraView, ...]]
    processes: Callable[[], tuple[ProcessUse, ...]]
    inference: Callable[[], InferenceView]
    vault: Callable[[], VaultStatus]
    paused: Callable[[], str]
    footage: Callable[[], Awaitable[tuple[int, int | None]]]
    plugins: Callable[[], tuple[Finding, ...]]
    space: Callable[[], Awaitable[SpaceStatus]]
    disk: Callable[[], SpaceStatus]
    event_delay_ms: Callable[[], tuple[float, float]] = lambda: (0.0, 0.0)
    archives: Callable[[], Awaitable[tuple[ArchiveStatus, ...]]] = _no_archives


class HealthService:
    """Implements `contract.SystemHealth`."""

    def __init__(self, data_dir: Path, clock: Clock, sources: HealthSources) -> None:
        self._data_dir, self._clock, self._sources = data_dir, clock, sources
        self._processor = MachineShare()
        self._started_us = clock.now().utc_us
        self.parts: dict[str, bool] = {"index": False, "web": False}

    async def system(self) -> SystemStatus:
        """Measure now; takes some milliseconds, off the event loop."""
        processes, disk, memory, cpu = await asyncio.to_thread(self._measure)
        footage_bytes, oldest = await self._sources.footage()
        space = await self._sources.space()
        archives = await self._sources.archives()
        return SystemStatus(
            version=__version__,
            started_us=self._started_us,
            now_us=self._clock.now().utc_us,
            cpu_percent=cpu,
            cpu_count=psutil.cpu_count() or 1,
            memory_total=memory.total,
            memory_used=memory.total - memory.available,
            disk_total=disk.total,
            disk_free=disk.free,
            footage_bytes=footage_bytes,
            oldest_footage_us=oldest,
            processes=processes,
            inference=self._sources.inference(),
            findings=self._findings(space),
            recording_paused=self._sources.paused(),
            space=space,
            event_delay_ms=self._sources.event_delay_ms(),
            archives=archives,
        )

    def _measure(self) -> tuple[tuple[ProcessUse, ...], Any, Any, float]:
        disk = psutil.disk_usage(str(self._data_dir))
        return self._sources.processes(), disk, psutil.virtual_memory(), self._processor.look()

    def _findings(self, space: SpaceStatus) -> tuple[Finding, ...]:
        found: list[Finding] = []
        if space.state is not SpaceState.OK:
            found.append(Finding("disk", SPACE_HEALTH[space.state], SPACE_WORDS[space.state] + space.why, space.cure))
        found += [
            Finding(f"tier {tier.name}", Health.WARNING, f"{tier.name}: {tier.problem}", tier.cure)
            for tier in space.tiers
            if tier.problem
        ]
        vault = self._sources.vault()
        if vault.problem:
            found.append(Finding("vault", Health.WARNING, f"The vault was not unlocked at start: {vault.problem}"))
        if not vault.unlocked:
            found.append(
                Finding(
                    "vault",
                    Health.INFO,
                    "The vault is locked: recording goes on, playback does not.",
                    "Unlock it to watch footage.",
                )
            )
        found += [
            Finding(f"camera {view.id}", Health.ERROR, f"{view.name}: {view.status.problem}", view.status.cure)
            for view in self._sources.cameras()
            if view.status.state in (CameraState.RETRYING, CameraState.FAILED) and view.status.problem
        ]
        inference = self._sources.inference()
        if inference.problem:
            found.append(
                Finding("detector", Health.WARNING, f"Detection is off: {inference.problem}", "Run `guardian doctor`.")
            )
        if inference.warning:
            found.append(Finding("detector", Health.WARNING, inference.warning))
        return (*found, *self._sources.plugins())

    def disk(self) -> SpaceStatus:
        """The disk's state, without figures."""
        return self._sources.disk()

    def ready(self) -> tuple[bool, tuple[str, ...]]:
        """Ready when index and web are up and no enabled camera is still starting."""
        missing = [part for part, up in self.parts.items() if not up]
        missing += [f"camera {view.id}" for view in self._sources.cameras() if view.status.state is CameraState.STARTING]
        return not missing, tuple(missing)
