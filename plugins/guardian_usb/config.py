"""Settings of a USB camera."""

from pydantic import Field, field_validator

from guardian.sdk import PluginConfig


class UsbConfig(PluginConfig):
    """`device` is a stable name (the serial that udev gives), or a path such as /dev/video0."""

    device: str = Field(description="Serial of the camera as `guardian doctor` lists it, or a path such as /dev/video0.")
    width: int = Field(1280, ge=160, le=7680, description="Wanted width in pixels.")
    height: int = Field(720, ge=120, le=4320, description="Wanted height in pixels.")
    fps: int = Field(15, ge=1, le=120, description="Wanted frames a second.")
    bitrate_kbps: int = Field(3000, ge=100, le=50_000, description="Of the H.264 that is made where the camera sends none.")

    @field_validator("device")
    @classmethod
    def _is_name(cls, device: str) -> str:
        if not device:
            raise ValueError("must not be empty; `guardian doctor` lists what is plugged in")
        if device.startswith("/") and not device.startswith("/dev/"):
            raise ValueError("a path must begin with /dev/")
        return device
