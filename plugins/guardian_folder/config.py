"""Settings of the folder copy."""

from pathlib import Path

from pydantic import Field

from guardian.sdk import PluginConfig


class FolderConfig(PluginConfig):
    """Where to keep sealed segments."""

    path: Path = Field(description="Folder for sealed copies, such as a NAS mount. It must exist.")


class FolderPluginConfig(PluginConfig):
    """`[plugins.settings.folder]`."""

    path: Path | None = Field(None, description="Copy every sealed segment to this folder; none: do not.")
