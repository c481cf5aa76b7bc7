"""Settings of the link."""

from __future__ import annotations

from pydantic import Field

from guardian.sdk import PluginConfig

FILE = "relay.json"  # what is joined, in the folder of the plugin


class WireGuardConfig(PluginConfig):
    """`[plugins.settings.wireguard]`."""

    interface: str = Field("guardian", pattern=r"^[a-z][a-z0-9_-]{0,14}$", description="Name of the tunnel's interface.")
    rotate_days: float = Field(30.0, gt=0, le=365, description="How old the tunnel's keys may get.")
    max_queue_mb: int = Field(64, ge=1, le=10_000, description="Room for events that the relay does not have yet.")
    tls_port: int = Field(
        443,
        ge=0,
        le=65535,
        description="Port of the relay's gateway, over which the tunnel goes where UDP is blocked; 0: never.",
    )
    offer_clips: bool = Field(True, description="Let the relay fetch the sealed segments of events.")
