"""The home's link to its relay: joining with the owner's yes, status, leaving. A plugin brings the link itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import structlog

from guardian.interfaces import RelayLink
from guardian.model.errors import BadSetting, Conflict, ServiceUnavailable, VaultLocked
from guardian.model.health import Finding, Health
from guardian.model.relay import MemberDevice, RelayState, RelayStatus

_log = structlog.get_logger(__name__)
HOW = "Install it: pip install 'private-ai-guardian[wireguard]'."
UNLOCK = "Unlock it first: the home signs the keys of both ends."
DEVICES = "Unlock it first: the home signs who is told."


class HomeSigner(Protocol):
    """The home's key."""

    public_key: bytes

    def sign_statement(self, body: bytes) -> bytes:
        """Sign. VaultLocked."""
        ...


class RelayService:
    """Implements `contract.Relay`. `unlocked()` says whether the vault is open."""

    def __init__(self, link: RelayLink | None, home: HomeSigner | None, unlocked: Callable[[], bool]) -> None:
        self._link, self._home, self._unlocked = link, home, unlocked
        self._one_at_a_time = asyncio.Lock()

    def status(self) -> RelayStatus:
        """How the link is."""
        if self._link is None:
            return RelayStatus(RelayState.ABSENT)
        return self._link.status()

    async def join(self, invitation: str) -> RelayStatus:
        """Begin to join; the answer has the short code that the relay shows, too."""
        async with self._one_at_a_time:
            link, home = self._ready()
            await link.join(invitation, home.public_key)
            _log.info("relay_pairing")
            return link.status()

    async def confirm(self) -> RelayStatus:
        """The owner says that both ends show the same code."""
        async with self._one_at_a_time:
            link, home = self._ready()
            if link.status().state is not RelayState.PAIRING:
                raise Conflict("no relay is being joined", cure="Begin with `guardian relay join`.")
            await link.confirm(home.sign_statement)
            _log.info("relay_joined")
            return link.status()

    async def leave(self) -> RelayStatus:
        """Forget the relay."""
        async with self._one_at_a_time:
            if self._link is None:
                raise BadSetting("no plugin brings a link to a relay", cure=HOW)
            await self._link.leave()
            _log.info("relay_left")
            return self._link.status()

    async def rotate(self) -> RelayStatus:
        """Make new keys of the tunnel. The vault need not be open: each end signs with its own key."""
        async with self._one_at_a_time:
            if self._link is None:
                raise BadSetting("no plugin brings a link to a relay", cure=HOW)
            await self._link.rotate()
            _log.info("relay_keys_rotated")
            return self._link.status()

    def devices(self) -> tuple[MemberDevice, ...]:
        """Who is told when something begins."""
        return self._link.devices() if self._link is not None else ()

    async def add_device(self, device: str, name: str) -> MemberDevice:
        """Tell a device, too: the home signs its keys."""
        async with self._one_at_a_time:
            link, home = self._ready(DEVICES)
            made = await link.add_device(device, name, home.sign_statement)
            _log.info("device_added")
            return made

    async def remove_device(self, one: str) -> None:
        """Tell a device nothing more, for good: the home signs that, too."""
        async with self._one_at_a_time:
            link, home = self._ready(DEVICES)
            await link.remove_device(one, home.sign_statement)
            _log.info("device_removed")

    def _ready(self, unlock: str = UNLOCK) -> tuple[RelayLink, HomeSigner]:
        if self._link is None:
            raise BadSetting("no plugin brings a link to a relay", cure=HOW)
        if self._home is None:
            raise ServiceUnavailable("the home's key cannot be read", cure="Look at the log of the start.")
        if not self._unlocked():
            raise VaultLocked("the vault is locked", cure=unlock)
        return self._link, self._home

    def findings(self) -> tuple[Finding, ...]:
        """What the system page says of it: nothing while all is well, or no relay was joined."""
        status = self.status()
        if status.state is RelayState.BLOCKED:
            return (Finding("relay", Health.WARNING, f"The relay cannot be reached: {status.problem}", status.cure),)
        if status.state is RelayState.CONNECTING and status.problem:
            return (Finding("relay", Health.WARNING, status.problem, status.cure),)
        return ()
