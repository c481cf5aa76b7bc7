"""Tells a cloud, through the relay, how this home is, and takes what it asks. The link is another plugin's; what may be done, Guardian's."""

from __future__ import annotations

from collections.abc import Sequence

from guardian.sdk import CameraChange, CloudSyncKind, Job, Plugin, PluginConfig, PluginContext, hookimpl
from guardian_saas.config import SaasConfig
from guardian_saas.sync import Sync


class SaasPlugin(Plugin):
    """Brings the cloud sync `saas`."""

    Config = SaasConfig

    def __init__(self, config: PluginConfig, context: PluginContext) -> None:
        super().__init__(config, context)
        assert isinstance(config, SaasConfig)
        self._every_s = config.health_minutes * 60
        self._sync = Sync(config, context)

    @hookimpl
    def register_cloud_syncs(self) -> Sequence[CloudSyncKind]:
        return [CloudSyncKind("saas", "Cloud sync", lambda: self._sync)]

    @hookimpl
    def register_jobs(self) -> Sequence[Job]:
        return [Job("health", self._every_s, self._sync.keep_health)]

    @hookimpl
    async def camera_changed(self, change: CameraChange) -> None:
        await self._sync.tell_inventory()
