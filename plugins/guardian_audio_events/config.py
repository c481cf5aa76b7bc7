"""The plugin's settings."""

from pydantic import Field

from guardian.sdk import PluginConfig


class AudioEventsConfig(PluginConfig):
    """How loud is loud, and how loud an alarm must be."""

    loud_over_db: float = Field(25.0, ge=6, le=60, description="Loud is this much over the background, in dB.")
    loud_least_dbfs: float = Field(-32.0, ge=-90, le=0, description="And at least this level, in dB of full scale.")
    loud_seconds: float = Field(0.4, ge=0.1, le=30, description="For at least this long.")
    alarm_over_db: float = Field(10.0, ge=3, le=60, description="An alarm's tone is this much over the background, in dB.")
