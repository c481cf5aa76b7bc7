"""Settings of the sync."""

from __future__ import annotations

from pydantic import Field

from guardian.sdk import PluginConfig


class SaasConfig(PluginConfig):
    """`[plugins.settings.saas]`."""

    commands: bool = Field(True, description="Take commands from afar; off: none is done, signed or not.")
    plugins: bool = Field(True, description="Say which of Guardian's own plugins are here, and their state.")
    health_minutes: float = Field(
        5.0, ge=1, le=60, description="How often to keep how this machine is, for the time nobody hears it."
    )
