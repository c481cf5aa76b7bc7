"""What says more of events than the detector does, put together: the insight process, classifiers of crops, and search."""

from __future__ import annotations

import socket
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import TYPE_CHECKING

from guardian.index.engine import IndexFile
from guardian.interfaces import ClassifierKind
from guardian.model.health import Finding, Health
from guardian.platform.clock import Clock
from guardian.platform.tasks import Tasks
from guardian.pluginhost.registry import PluginRegistry
from guardian.processes.jobs import InsightJob
from guardian.processes.spawning import start_process
from guardian.services.describing import DescribeService
from guardian.services.events import EventService
from guardian.services.insight import InsightService
from guardian.services.search import SearchService
from guardian.settings.schema import Settings

if TYPE_CHECKING:
    from guardian.vault.keyring import Keyring


class Understanding:
    """Made once by the conductor."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        registry: PluginRegistry,
        index: IndexFile,
        data_dir: Path,
        clock: Clock,
        keyring: Keyring,
        tasks: Tasks,
        events: EventService,
        *,
        names: Callable[[], tuple[tuple[str, str], ...]],
        used: Callable[[], None],
    ) -> None:
        self._settings, self._registry, self._data_dir, self._tasks = settings, registry, data_dir, tasks
        self.insight = InsightService(self._start, clock, tasks)
        self.describing = DescribeService(self.insight, self._classifiers, events.describe)
        self.search = SearchService(
            index,
            clock,
            keyring,
            self.insight,
            tasks,
            names=lambda: dict(names()),
            embedder=self._embedder,
            as_known=events.as_known,
            used=used,
        )

    def begin(self) -> None:
        """Look at crops from now on."""
        self._tasks.spawn(self.describing.run(), "describing")

    async def close(self) -> None:
        """End the insight process."""
        await self.insight.close()

    def findings(self) -> tuple[Finding, ...]:
        """Which classifier or embedder does not work."""
        problems = self.insight.problems().items()
        return tuple(Finding(name, Health.WARNING, f"{name} does not work: {why}") for name, why in problems)

    def _start(self, sock: socket.socket) -> ForkServerProcess:
        job = InsightJob(sock, str(self._data_dir), self._settings().plugins.model_dump_json())
        return start_process("guardian.processes.insight:main", job, "insight")

    def _classifiers(self, camera: str) -> tuple[ClassifierKind, ...]:
        own = self._settings().cameras.get(camera)
        names = own.detect.classifiers if own is not None else ()
        return tuple(self._registry.classifier(name) for name in names if name in self._registry.classifiers)

    def _embedder(self) -> str:
        wish = self._settings().search.embedder
        if wish == "auto":
            return min(self._registry.text_embedders, default="")
        return wish if wish in self._registry.text_embedders else ""
