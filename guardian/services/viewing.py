"""Viewing from afar, turned on and off: makes the viewing keys of the owner and of whom they let in, and gives every viewer to the desk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from guardian.interfaces import ViewerCall
from guardian.model.errors import Conflict, Damaged, GuardianError, NotFound, ServiceUnavailable
from guardian.model.views import LetIn, ViewerStatus, ViewingStatus
from guardian.platform.clock import Clock
from guardian.services.viewer_desk import DeskSources, Known, ViewerDesk

if TYPE_CHECKING:
    from guardian.vault.keyring import Keyring
    from guardian.vault.viewers import Viewer
    from guardian.vault.viewing import HomeSigner, ViewingKey

_log = structlog.get_logger(__name__)


class ViewingService:
    """Implements `contract.Viewing`. `home` is None where the home's key cannot be read."""

    def __init__(
        self,
        vault_dir: Path,
        home: HomeSigner | None,
        keyring: Keyring,
        clock: Clock,
        sources: Callable[..., DeskSources],
    ) -> None:
        from guardian.vault import viewing

        self._folder, self._home, self._keyring, self._clock = vault_dir, home, keyring, clock
        self._key: ViewingKey | None = None
        self._letting_in = asyncio.Lock()
        self._problem = ""
        try:
            self._key = viewing.read(vault_dir)
        except GuardianError as error:
            self._problem = f"{error.message}. {error.cure}"
            _log.error("no_viewing_key", problem=error.message, cure=error.cure)
        self.desk = ViewerDesk(sources(known=self._known), clock)

    def status(self) -> ViewingStatus:
        """Whether it is on, and who looks."""
        return ViewingStatus(
            on=self._key is not None,
            created_us=self._key.created_us if self._key is not None else 0,
            viewers=len(self.desk.sessions),
            last_us=max(self.desk.last_us.values(), default=0),
            problem=self._problem,
        )

    async def turn_on(self) -> str:
        """Make a viewing key of the owner's and return its text, this once. The one before is good no longer. VaultLocked."""
        from guardian.vault import viewing

        key = self._new_key()
        viewing.write(self._folder, key)
        self._key, self._problem = key, ""
        self.desk.end("")
        _log.info("viewing_on")
        return key.text()

    async def turn_off(self) -> None:
        """Forget the owner's viewing key; viewers that are there have to go, and nobody is answered."""
        from guardian.vault import viewing

        viewing.write(self._folder, None)
        self._key, self._problem = None, ""
        self.desk.end()
        _log.info("viewing_off")

    async def viewers(self) -> tuple[ViewerStatus, ...]:
        """Who else may look, the oldest first."""
        from guardian.vault import viewers

        found, damaged = await asyncio.to_thread(viewers.read_all, self._folder)
        unknown = tuple(ViewerStatus(one, one[:8], 0, problem="Their file is damaged. " + viewers.AGAIN) for one in damaged)
        return tuple(self._status_of(one) for one in found) + unknown

    def _status_of(self, viewer: Viewer) -> ViewerStatus:
        problem = ""
        try:
            viewer.until(self._keyring.epochs[-1])
        except Damaged as error:
            problem = f"{error.message}. {error.cure}"
        looking = sum(session.who == viewer.id for session in self.desk.sessions)
        last_us = self.desk.last_us.get(viewer.id, 0)
        return ViewerStatus(viewer.id, viewer.name, viewer.key.created_us, looking, last_us, problem)

    async def let_in(self, name: str, passphrase: str = "") -> LetIn:
        """Let somebody else look, with a viewing key and a passphrase of their own; empty: one is made. Both are shown this once.
        VaultLocked, BadRequest, Conflict.
        """
        from guardian.vault import viewers
        from guardian.vault.passphrase import generate_passphrase

        async with self._letting_in:
            if self._key is None:
                raise Conflict("viewing from afar is off", cure="Turn it on first: `guardian viewing on`.")
            name, there = viewers.named(name), await self.viewers()
            if len(there) >= viewers.MOST:
                raise Conflict(f"{viewers.MOST} are let in already", cure="Take somebody out first.")
            if name in [one.name for one in there]:
                raise Conflict(f"{name} is let in already", field="name", cure="Take them out first, or give another name.")
            passphrase = passphrase or generate_passphrase()
            viewer = await asyncio.to_thread(self._keyring.let_in, name, passphrase, self._new_key())
        _log.info("viewer_added", viewers=len(there) + 1)
        return LetIn(viewer.id, viewer.name, viewer.key.text(), passphrase)

    async def take_out(self, viewer: str) -> None:
        """Answer somebody no more, for good. What is sealed from the vault's next key on they cannot open. NotFound."""
        if not await asyncio.to_thread(self._keyring.take_out, viewer):
            raise NotFound(f"there is no viewer {viewer[:40]!r}", field="viewer", cure="See `guardian member list`.")
        self.desk.end(viewer)
        _log.info("viewer_removed")

    def _new_key(self) -> ViewingKey:
        from guardian.vault import viewing

        if self._home is None:
            raise ServiceUnavailable("the home's key cannot be read", cure="Look at the log of the start.")
        return viewing.make(self._home, self._clock.now().utc_us)

    def _known(self) -> list[Known]:
        """Everybody who may look now, from the disk."""
        from guardian.vault import viewers
        from guardian.vault.vault_file import FILE

        key, newest = self._key, self._keyring.epochs[-1]
        if key is None:
            return []
        known = [Known("", key, (self._folder / FILE).read_bytes, newest.number, newest.public)]
        for viewer in viewers.read_all(self._folder)[0]:
            try:
                known.append(Known(viewer.id, viewer.key, viewer.until(newest).vault, newest.number, newest.public))
            except Damaged:
                continue
        return known

    async def serve(self, call: ViewerCall) -> None:
        """Speak with a viewer, wherever they come in."""
        await self.desk.serve(call)
