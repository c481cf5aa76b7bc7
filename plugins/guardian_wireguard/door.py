"""The link as long as nothing is joined: no gRPC is loaded, nothing runs, nothing is kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from guardian.sdk import (
    CloudSync,
    Conflict,
    MemberDevice,
    PluginContext,
    RelayState,
    RelayStatus,
    ServiceUnavailable,
    ViewerCall,
)
from guardian_wireguard.config import FILE, WireGuardConfig

if TYPE_CHECKING:
    from guardian_wireguard.link import WireGuardLink


class Door:
    """Implements RelayLink; makes the real one when a relay is, or is to be, joined."""

    def __init__(self, config: WireGuardConfig, context: PluginContext) -> None:
        self._config, self._context = config, context
        self.link: WireGuardLink | None = None
        self._desk: Callable[[ViewerCall], Awaitable[None]] | None = None
        self._sync: CloudSync | None = None

    def _open(self) -> WireGuardLink:
        if self.link is None:
            from guardian_wireguard.link import WireGuardLink

            self.link = WireGuardLink(self._config, self._context)
            if self._desk is not None:
                self.link.take_viewers(self._desk)
            if self._sync is not None:
                self.link.take_sync(self._sync)
        return self.link

    def take_viewers(self, desk: Callable[[ViewerCall], Awaitable[None]]) -> None:
        self._desk = desk
        if self.link is not None:
            self.link.take_viewers(desk)

    def take_sync(self, sync: CloudSync) -> None:
        self._sync = sync
        if self.link is not None:
            self.link.take_sync(sync)

    async def say(self, what: str, body: bytes) -> None:
        if self.link is not None:
            await self.link.say(what, body)

    def opaque(self, camera: str) -> bytes:
        from guardian_wireguard import words
        from guardian_wireguard.state import StateFile

        return words.opaque(StateFile(self._context.data_dir).camera_key(), camera)

    async def start(self) -> None:
        """Take up a relay that was joined before."""
        if (self._context.data_dir / FILE).exists():
            await self._open().start()

    async def stop(self) -> None:
        """End."""
        if self.link is not None:
            await self.link.stop()

    async def join(self, invitation: str, home: bytes) -> str:
        return await self._open().join(invitation, home)

    async def confirm(self, sign: Callable[[bytes], bytes]) -> None:
        await self._open().confirm(sign)

    async def rotate(self) -> None:
        if self.link is None or not await self.link.rotate():
            raise ServiceUnavailable(
                "the keys were not changed: no relay is connected, or a change is under way", cure="Try again."
            )

    async def add_device(self, device: str, name: str, sign: Callable[[bytes], bytes]) -> MemberDevice:
        return await self._there().add_device(device, name, sign)

    async def remove_device(self, one: str, sign: Callable[[bytes], bytes]) -> None:
        await self._there().remove_device(one, sign)

    def devices(self) -> tuple[MemberDevice, ...]:
        return self.link.devices() if self.link is not None else ()

    def _there(self) -> WireGuardLink:
        if self.link is None:
            raise Conflict("no relay is joined", cure="Join one first: guardian relay join")
        return self.link

    async def leave(self) -> None:
        await self._open().leave()

    def status(self) -> RelayStatus:
        return self.link.status() if self.link is not None else RelayStatus(RelayState.NONE)
