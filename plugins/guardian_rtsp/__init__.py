"""Cameras that speak RTSP: H.264 and H.265 with AAC, Opus or G.711 sound."""

from collections.abc import Sequence

from pydantic import BaseModel

from guardian.sdk import CameraKind, CameraSource, Plugin, hookimpl
from guardian_rtsp.config import RtspConfig


def _make(settings: BaseModel, stream: str) -> CameraSource:
    from guardian_rtsp.source import RtspSource

    assert isinstance(settings, RtspConfig)
    return RtspSource(settings, stream)


def _streams(settings: BaseModel) -> tuple[str, ...]:
    assert isinstance(settings, RtspConfig)
    return ("main", "sub") if settings.sub_url else ("main",)


class RtspPlugin(Plugin):
    """Brings the camera kind `rtsp`."""

    @hookimpl
    def register_cameras(self) -> Sequence[CameraKind]:
        return [CameraKind("rtsp", "RTSP camera", RtspConfig, _make, _streams)]
