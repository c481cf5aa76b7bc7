"""The base of all parts of the settings."""

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """Frozen, and a field it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)
