"""Settings of the test pattern."""

from pydantic import Field

from guardian.sdk import PluginConfig


class TestPatternConfig(PluginConfig):
    """Size and pace of the picture."""

    __test__ = False

    width: int = Field(1280, ge=64, le=3840, multiple_of=2, description="Width in pixels.")
    height: int = Field(720, ge=64, le=2160, multiple_of=2, description="Height in pixels.")
    fps: int = Field(15, ge=1, le=60, description="Frames a second.")
    tone: bool = Field(False, description="A quiet tone as sound (AAC).")
