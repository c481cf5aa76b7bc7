"""Archives that plugins bring, as the system page and the API see them. Asked at most every few seconds, never in anybody's way."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from guardian.interfaces import Archive, ArchiveKind
from guardian.model.archive import ArchiveStatus
from guardian.model.health import Finding, Health
from guardian.platform.clock import Clock

_log = structlog.get_logger(__name__)
LOOK_EVERY_S = 5.0


class ArchiveService:
    """Opens each archive when it is first asked about. One that raises is left out, and found to be in trouble."""

    def __init__(self, kinds: Sequence[ArchiveKind], clock: Clock) -> None:
        self._kinds, self._clock = tuple(kinds), clock
        self._open: dict[str, Archive] = {}
        self._looked_s = -LOOK_EVERY_S
        self._found: tuple[ArchiveStatus, ...] = ()
        self._faults: tuple[Finding, ...] = ()

    async def status(self) -> tuple[ArchiveStatus, ...]:
        """What each has; a few seconds old at most."""
        if self._clock.mono_s() - self._looked_s >= LOOK_EVERY_S:
            self._looked_s = self._clock.mono_s()
            await self._look()
        return self._found

    async def _look(self) -> None:
        found, faults = [], []
        for kind in self._kinds:
            try:
                if kind.name not in self._open:
                    self._open[kind.name] = kind.open()
                found.append(await self._open[kind.name].status())
            except Exception as error:  # noqa: BLE001 - foreign code: the archive named in the finding
                problem = str(error) or type(error).__name__
                faults.append(Finding(f"archive {kind.name}", Health.WARNING, f"{kind.title}: {problem}"))
        self._found, self._faults = tuple(found), tuple(faults)

    def findings(self) -> tuple[Finding, ...]:
        """What is wrong, as of the last look."""
        found = list(self._faults)
        for one in self._found:
            found += [
                Finding(f"archive {one.name} {place.name}", Health.WARNING, f"{one.title}: {place.problem}", place.cure)
                for place in one.places
                if place.problem
            ]
            if one.held_back and one.packs:
                found.append(Finding(f"archive {one.name}", Health.INFO, f"{one.title} waits for your word", one.held_back))
        return tuple(found)

    async def close(self) -> None:
        """Close them."""
        for name, archive in self._open.items():
            try:
                await archive.close()
            except Exception as error:  # noqa: BLE001 - foreign code: the archive named in the log
                _log.warning("archive_not_closed", archive=name, problem=type(error).__name__)
        self._open.clear()
