"""Settings of a file camera."""

from pathlib import Path

from pydantic import Field

from guardian.sdk import PluginConfig


class FileConfig(PluginConfig):
    """A file that plays as if it were a camera."""

    path: Path = Field(description="Video file with H.264 or H.265.")
    loop: bool = Field(True, description="Begin again at its end; otherwise the camera ends there.")
    realtime: bool = Field(True, description="Play at its own pace; otherwise as fast as it can be read.")
