"""USB cameras (V4L2), found and followed through udev: unplug one, plug it in elsewhere, and it goes on."""

import asyncio
from collections.abc import Sequence

from pydantic import BaseModel

from guardian.sdk import CameraKind, CameraSource, FoundCamera, HealthCheck, Plugin, hookimpl
from guardian_usb.config import UsbConfig


def _make(settings: BaseModel, stream: str) -> CameraSource:
    from guardian_usb.source import UsbSource

    assert isinstance(settings, UsbConfig)
    return UsbSource(settings)


class UsbPlugin(Plugin):
    """Brings the camera kind `usb`, finds cameras that are plugged in, and checks that they may be opened."""

    @hookimpl
    def register_cameras(self) -> Sequence[CameraKind]:
        return [CameraKind("usb", "USB camera", UsbConfig, _make, lambda settings: ("main",))]

    @hookimpl
    def register_health_checks(self) -> Sequence[HealthCheck]:
        from guardian_usb.devices import check

        return [HealthCheck("usb cameras", "USB cameras", check)]

    @hookimpl
    async def discover_cameras(self) -> Sequence[FoundCamera]:
        from guardian_usb.devices import find_all

        return [
            FoundCamera("usb", device.title, (("device", device.stable_id),)) for device in await asyncio.to_thread(find_all)
        ]
