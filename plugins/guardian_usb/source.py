"""A V4L2 camera as packets. H.264 is taken as it is; MJPEG and raw pictures, which MP4 cannot carry, are made H.264."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av

from guardian.sdk import CameraUnreachable, Codec, NotAVideo, Packet, StreamInfo, TrackInfo
from guardian_usb.config import UsbConfig
from guardian_usb.devices import Device, wait_for

WAIT_S = 5.0
GLOBAL_HEADER = 1 << 22  # AV_CODEC_FLAG_GLOBAL_HEADER
FORMATS = ("h264", "mjpeg", "")  # asked for in this order; the last takes whatever the camera gives

av.logging.set_level(None)


class UsbSource:
    """Implements `CameraSource`."""

    paced = True

    def __init__(self, config: UsbConfig) -> None:
        self._config = config
        self._container: Any = None
        self._encoder: Any = None
        self._packets: Iterator[Any] = iter(())
        self._ready: deque[Packet] = deque()
        self._first_us: int | None = None
        self._reading, self._closing = threading.Lock(), False

    def open(self, stop: threading.Event) -> StreamInfo:
        """Wait some seconds for the camera to be plugged in, and open it in its best form."""
        device = wait_for(self._config.device, stop, WAIT_S)
        if device is None:
            raise CameraUnreachable(
                f"{self._config.device}: no such camera is plugged in",
                cure="Plug it in; `guardian doctor` lists those there are.",
            )
        stream = self._open(device)
        self._packets = self._container.demux(stream)
        context = stream.codec_context
        width, height = context.width or self._config.width, context.height or self._config.height
        if context.name == "h264":
            config = bytes(context.extradata or b"")
        else:
            self._encoder = make_encoder(width // 2 * 2, height // 2 * 2, self._config.fps, self._config.bitrate_kbps)
            config = bytes(self._encoder.extradata or b"")
        return StreamInfo(TrackInfo("video", Codec.H264, 1_000_000, config, width, height))

    def _open(self, device: Device) -> Any:
        problem = ""
        for wanted in FORMATS:
            options = {"video_size": f"{self._config.width}x{self._config.height}", "framerate": str(self._config.fps)}
            if wanted:
                options["input_format"] = wanted
            try:
                self._container = av.open(device.node, format="video4linux2", options=options)
                return self._container.streams.video[0]
            except PermissionError:
                raise CameraUnreachable(
                    f"{device.node} may not be opened", cure="Add this user to the group `video`."
                ) from None
            except (av.FFmpegError, OSError) as error:
                problem = type(error).__name__
        raise NotAVideo(
            f"{device.node}: the camera cannot be opened ({problem})", cure="Is another program using it? Try another size."
        )

    def read(self, timeout_s: float) -> Packet | None:
        """Return the next packet; CameraUnreachable when it was unplugged."""
        with self._reading:
            try:
                return self._ready.popleft() if self._ready else self._read()
            finally:
                if self._closing:
                    self._let_go()

    def _read(self) -> Packet | None:
        try:
            packet = next(self._packets)
            if packet.size == 0:
                raise StopIteration
            self._take(packet)
        except (StopIteration, av.FFmpegError, OSError):
            raise CameraUnreachable(f"{self._config.device}: the camera was unplugged", cure="Plug it in again.") from None
        return self._ready.popleft() if self._ready else None

    def _take(self, packet: Any) -> None:
        now_us = time.monotonic_ns() // 1000
        if self._first_us is None:
            self._first_us = now_us
        if self._encoder is None:
            at = now_us - self._first_us
            self._ready.append(Packet("video", bytes(packet), at, at, 0, bool(packet.is_keyframe), now_us))
            return
        try:
            frames = packet.decode()
        except av.InvalidDataError:  # many cameras begin with half a picture
            return
        for frame in frames:
            self._ready.extend(encoded(self._encoder, frame, now_us - self._first_us, now_us))

    def close(self) -> None:
        """Let go of the camera. During a read, which FFmpeg would not survive, the read does so when it comes back."""
        self._closing = True
        if self._reading.acquire(blocking=False):
            try:
                self._let_go()
            finally:
                self._reading.release()

    def _let_go(self) -> None:
        container, self._container, self._encoder = self._container, None, None
        self._packets = iter(())
        if container is not None:
            container.close()


def make_encoder(width: int, height: int, fps: int, bitrate_kbps: int) -> Any:
    """Return an open H.264 encoder: a frame in, a frame out, a keyframe a second or two."""
    if "libx264" not in av.codecs_available:
        raise NotAVideo("the camera sends no H.264 and there is no encoder here", cure="Reinstall the package `av`.")
    encoder: Any = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 1_000_000), Fraction(fps)
    encoder.bit_rate = bitrate_kbps * 1000
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": f"keyint={fps * 2}:scenecut=0"}
    encoder.flags |= GLOBAL_HEADER
    encoder.open()
    return encoder


def encoded(encoder: Any, frame: Any, at_us: int, now_us: int) -> Iterator[Packet]:
    """Encode one picture; its time is when it came, for many cameras' own times are useless."""
    picture = frame.reformat(encoder.width, encoder.height, "yuv420p")
    picture.pts, picture.time_base, picture.pict_type = at_us, Fraction(1, 1_000_000), 0
    for packet in encoder.encode(picture):
        yield Packet("video", bytes(packet), packet.pts, packet.dts, 0, bool(packet.is_keyframe), now_us)
