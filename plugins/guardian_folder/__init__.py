"""Keeps a second copy of every sealed segment in another folder: a NAS mount, a USB disk."""

from collections.abc import Sequence

from guardian.sdk import Plugin, SegmentRecord, StorageKind, hookimpl
from guardian_folder.config import FolderConfig, FolderPluginConfig
from guardian_folder.store import FolderStore, make


class FolderPlugin(Plugin):
    """Brings the storage kind `folder`, and copies to its own folder when `path` is set."""

    Config = FolderPluginConfig

    @hookimpl
    def register_storage(self) -> Sequence[StorageKind]:
        return [StorageKind("folder", "Another folder", FolderConfig, make)]

    @hookimpl
    async def segment_sealed(self, segment: SegmentRecord) -> None:
        assert isinstance(self.config, FolderPluginConfig)
        if self.config.path is not None:
            await FolderStore(self.config.path).put(segment, self.context.footage(segment))
