"""Links this home to a relay over WireGuard: joining, the tunnel, and what happens here in words that only the vault opens."""

from __future__ import annotations

from collections.abc import Sequence

from guardian.sdk import (
    CameraChange,
    Event,
    HealthCheck,
    Plugin,
    PluginConfig,
    PluginContext,
    RelayLinkKind,
    SegmentRecord,
    hookimpl,
)
from guardian_wireguard.config import FILE, WireGuardConfig
from guardian_wireguard.door import Door


class WireGuardPlugin(Plugin):
    """Brings the relay link `wireguard`. gRPC is loaded once a relay is joined, or is to be."""

    Config = WireGuardConfig

    def __init__(self, config: PluginConfig, context: PluginContext) -> None:
        super().__init__(config, context)
        assert isinstance(config, WireGuardConfig)
        self._door = Door(config, context)

    @hookimpl
    def register_relay_links(self) -> Sequence[RelayLinkKind]:
        return [RelayLinkKind("wireguard", "WireGuard", lambda: self._door)]

    @hookimpl
    def register_health_checks(self) -> Sequence[HealthCheck]:
        from guardian_wireguard.checks import findings

        joined = self.context.data_dir / FILE
        return [HealthCheck("relay", "Relay", lambda: list(findings(joined.exists())))]

    @hookimpl
    async def startup(self) -> None:
        await self._door.start()

    @hookimpl
    async def shutdown(self) -> None:
        await self._door.stop()

    @hookimpl
    async def camera_changed(self, change: CameraChange) -> None:
        if self._door.link is not None:
            await self._door.link.camera_changed(change)

    @hookimpl
    async def segment_sealed(self, segment: SegmentRecord) -> None:
        if self._door.link is not None:
            await self._door.link.segment_sealed(segment)

    @hookimpl
    async def event_started(self, event: Event) -> None:
        if self._door.link is not None:
            await self._door.link.event_started(event)

    @hookimpl
    async def event_ended(self, event: Event) -> None:
        if self._door.link is not None:
            await self._door.link.event_ended(event)
