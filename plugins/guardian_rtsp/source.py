"""An RTSP stream as packets: our own client over TCP; FFmpeg's over UDP, over TLS, and where ours does not understand."""

from __future__ import annotations

import threading
from typing import Any

from guardian.sdk import CameraStalled, CameraUnreachable, Packet, StreamInfo
from guardian_rtsp.client import RtspClient, Unsupported
from guardian_rtsp.config import RtspConfig

BACKWARDS = (
    90_000 // 100
)  # ticks: pictures that come in another order than they are shown (B-frames), which RTP does not say


class NativeSource:
    """Our own client."""

    def __init__(self, config: RtspConfig, stream: str) -> None:
        self._timeout_s = config.timeout_s
        self._where = config.public_address(stream)
        self._client = RtspClient(config.address(stream), config.timeout_s, self._where)
        self._waited_s = 0.0
        self._last = -(1 << 62)

    def open(self, stop: threading.Event) -> StreamInfo:
        """Connect and play; hangs up where that fails."""
        try:
            video, *audio = self._client.open()
        except BaseException:
            self._client.close()
            raise
        return StreamInfo(video.track(), audio[0].track() if audio else None)

    def read(self, timeout_s: float) -> Packet | None:
        """Return the next packet; CameraStalled when none has come for the configured time."""
        came = self._client.read(timeout_s)
        if came is None:
            self._waited_s += timeout_s
            if self._waited_s >= self._timeout_s:
                raise CameraStalled(
                    f"{self._where}: the camera holds the line and sends nothing", cure="It is asked anew by itself."
                )
            return None
        self._waited_s = 0.0
        if came.kind == "video":
            if came.timestamp < self._last - BACKWARDS and self._last - came.timestamp < 90_000:
                raise Unsupported("B-frames")
            self._last = came.timestamp
            return Packet("video", came.data, came.timestamp, came.timestamp, 0, came.is_key, came.arrived_us)
        return Packet("audio", came.data, came.timestamp, came.timestamp, 0, True, came.arrived_us)

    def allow_delay(self, seconds: float) -> None:
        """Packets may be given so much late."""
        self._client.gather_s = seconds

    def close(self) -> None:
        """Hang up."""
        self._client.close()


class RtspSource:
    """Implements `CameraSource`. Once our own client has met something it cannot do, FFmpeg's takes over for good."""

    paced = True

    def __init__(self, config: RtspConfig, stream: str) -> None:
        self._config, self._stream = config, stream
        self._stop = threading.Event()
        native = config.transport == "tcp" and config.address(stream).lower().startswith("rtsp://")
        self._source: Any = NativeSource(config, stream) if native and (config.address(stream)) not in _ffmpeg_only else None

    def open(self, stop: threading.Event) -> StreamInfo:
        """Connect."""
        self._stop = stop
        if self._source is not None:
            try:
                return self._source.open(stop)  # type: ignore[no-any-return]
            except Unsupported:
                self._source.close()
        return self._open_ffmpeg()

    def _open_ffmpeg(self) -> StreamInfo:
        from guardian_rtsp.ffmpeg_source import FfmpegSource

        self._source = FfmpegSource(self._config, self._stream)
        return self._source.open(self._stop)  # type: ignore[no-any-return]

    def read(self, timeout_s: float) -> Packet | None:
        """Return the next packet."""
        try:
            return self._source.read(timeout_s)  # type: ignore[no-any-return]
        except Unsupported:
            _ffmpeg_only.add(self._config.address(self._stream))
            self._source.close()
            raise CameraUnreachable(
                f"{self._config.public_address(self._stream)}: pictures come out of order; asked anew with FFmpeg's client",
                cure="It is asked anew by itself. Turning B-frames off in the camera saves work.",
            ) from None

    def allow_delay(self, seconds: float) -> None:
        """Packets may be given so much late (FFmpeg's client gives them as they come)."""
        if isinstance(self._source, NativeSource):
            self._source.allow_delay(seconds)

    def close(self) -> None:
        """Hang up."""
        if self._source is not None:
            self._source.close()


_ffmpeg_only: set[str] = set()  # addresses of this process's camera
