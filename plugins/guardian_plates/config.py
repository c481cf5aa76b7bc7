"""The plugin's settings."""

import re

from pydantic import Field, field_validator

from guardian.sdk import PluginConfig


class PlatesConfig(PluginConfig):
    """What counts as a plate, and whose it is."""

    min_score: float = Field(0.75, ge=0, le=1, description="Least mean certainty of a plate's characters.")
    pattern: str = Field(
        "(?=.*[0-9])[A-Z0-9]{4,9}", description="Regular expression of a whole plate, without spaces and dashes."
    )
    known: dict[str, str] = Field(
        default_factory=dict, description="Names by plate, such as AB123CD = 'Anna'; told as the event's sub-label."
    )

    @field_validator("pattern")
    @classmethod
    def _is_pattern(cls, text: str) -> str:
        try:
            re.compile(text)
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from None
        return text
