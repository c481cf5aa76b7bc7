"""Viewing from afar, turned on and off: makes the viewing key, and gives every viewer to the desk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from guardian.interfaces import ViewerCall
from guardian.model.errors import GuardianError, ServiceUnavailable
from guardian.model.views import ViewingStatus
from guardian.platform.clock import Clock
from guardian.services.viewer_desk import DeskSources, ViewerDesk

if TYPE_CHECKING:
    from guardian.vault.viewing import HomeSigner, ViewingKey

_log = structlog.get_logger(__name__)


class ViewingService:
    """Implements `contract.Viewing`. `home` is None where the home's key cannot be read."""

    def __init__(self, vault_dir: Path, home: HomeSigner | None, clock: Clock, sources: Callable[..., DeskSources]) -> None:
        from guardian.vault import viewing

        self._folder, self._home, self._clock = vault_dir, home, clock
        self._key: ViewingKey | None = None
        self._problem = ""
        try:
            self._key = viewing.read(vault_dir)
        except GuardianError as error:
            self._problem = f"{error.message}. {error.cure}"
            _log.error("no_viewing_key", problem=error.message, cure=error.cure)
        self.desk = ViewerDesk(sources(key=lambda: self._key), clock)

    def status(self) -> ViewingStatus:
        """Whether it is on, and who looks."""
        return ViewingStatus(
            on=self._key is not None,
            created_us=self._key.created_us if self._key is not None else 0,
            viewers=len(self.desk.sessions),
            last_us=self.desk.last_us,
            problem=self._problem,
        )

    async def turn_on(self) -> str:
        """Make a viewing key and return its text, this once. The one before is good no longer. VaultLocked."""
        from guardian.vault import viewing

        if self._home is None:
            raise ServiceUnavailable("the home's key cannot be read", cure="Look at the log of the start.")
        key = viewing.make(self._home, self._clock.now().utc_us)
        viewing.write(self._folder, key)
        self._use(key)
        _log.info("viewing_on")
        return key.text()

    async def turn_off(self) -> None:
        """Forget the viewing key; viewers that are there have to go."""
        from guardian.vault import viewing

        viewing.write(self._folder, None)
        self._use(None)
        _log.info("viewing_off")

    def _use(self, key: ViewingKey | None) -> None:
        self._key, self._problem = key, ""
        self.desk.end_all()

    async def serve(self, call: ViewerCall) -> None:
        """Speak with a viewer, wherever they come in."""
        await self.desk.serve(call)
