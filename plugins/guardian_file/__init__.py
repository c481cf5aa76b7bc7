"""Video files as cameras: replayed in real time, looped or once."""

from collections.abc import Sequence

from pydantic import BaseModel

from guardian.sdk import CameraKind, CameraSource, Plugin, hookimpl
from guardian_file.config import FileConfig


def _make(settings: BaseModel, stream: str) -> CameraSource:
    from guardian_file.source import FileSource

    assert isinstance(settings, FileConfig)
    return FileSource(settings)


class FilePlugin(Plugin):
    """Brings the camera kind `file`."""

    @hookimpl
    def register_cameras(self) -> Sequence[CameraKind]:
        return [CameraKind("file", "Video file", FileConfig, _make, lambda settings: ("main",))]
