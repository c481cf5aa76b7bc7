"""What the conductor offers to plugins, and how they begin: contexts filled, `startup`, what is protected already, then jobs."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import structlog

from guardian.interfaces import Job
from guardian.model.segment import SegmentRecord
from guardian.platform.clock import Clock
from guardian.platform.tasks import Tasks
from guardian.pluginhost.dispatch import Dispatcher
from guardian.pluginhost.registry import ContextMaker, PluginRegistry
from guardian.processes.chosen import sealed_bytes
from guardian.services.cameras import CameraService
from guardian.services.events import EventService
from guardian.services.holds import HoldService
from guardian.services.recordings import RecordingService
from guardian.vault import plugin_keys
from guardian.vault.keyring import Keyring

_log = structlog.get_logger(__name__)


def offer(
    contexts: ContextMaker,
    data_dir: Path,
    cameras: CameraService,
    recordings: RecordingService,
    events: EventService,
    keyring: Keyring,
) -> None:
    """Fill in what plugins may use. The vault's newest key is looked up at each use: it may be rotated."""

    async def segments(camera: str, stream: str, start_us: int, end_us: int) -> tuple[SegmentRecord, ...]:
        found = await recordings.catalogue.overlapping(camera, stream, start_us, end_us)
        return tuple(one for one in found if one.complete)

    contexts.cameras = cameras.list
    contexts.footage = partial(sealed_bytes, data_dir)
    contexts.segments = segments
    contexts.events = events.since
    contexts.seal_key = lambda plugin, key: plugin_keys.seal(keyring.public_key, plugin, key)


async def begin(registry: PluginRegistry, dispatcher: Dispatcher, holds: HoldService, clock: Clock, tasks: Tasks) -> None:
    """Start delivering to plugins, and their jobs."""
    for entry in registry.entries:
        if entry.instance is not None:
            dispatcher.add(entry.found.name, entry.instance)
    await dispatcher.all_of("startup")
    for hold in await holds.list():
        dispatcher.observe("footage_protected", hold=hold)
    holds.protected = lambda hold: dispatcher.observe("footage_protected", hold=hold)
    for plugin, job in registry.jobs:
        tasks.spawn(_repeat(plugin, job, clock), f"job {plugin} {job.name}")


async def _repeat(plugin: str, job: Job, clock: Clock) -> None:
    while True:
        try:
            await job.run()
        except Exception as error:  # noqa: BLE001 - foreign code: the plugin named in the log
            _log.warning("job_failed", plugin=plugin, job=job.name, problem=f"{type(error).__name__}: {error}")
        await clock.sleep(job.every_s)
