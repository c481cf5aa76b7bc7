"""An RTSP stream as packets: our own client over TCP; FFmpeg's over UDP, over TLS, and where ours does not understand."""

from __future__ import annotations

import threading
from typing import Any

from guardian.sdk import CameraStalled, Packet, StreamInfo, reorder_depth
from guardian_rtsp.client import RtspClient, Unsupported
from guardian_rtsp.config import RtspConfig
from guardian_rtsp.reorder import DecodeTimes


class NativeSource:
    """Our own client."""

    def __init__(self, config: RtspConfig, stream: str) -> None:
        self._timeout_s = config.timeout_s
        self._where = config.public_address(stream)
        self._client = RtspClient(config.address(stream), config.timeout_s, self._where)
        self._waited_s = 0.0
        self._decode_times = DecodeTimes()

    def open(self, stop: threading.Event) -> StreamInfo:
        """Connect and play; hangs up where that fails."""
        try:
            video, *audio = self._client.open()
        except BaseException:
            self._client.close()
            raise
        track = video.track()
        self._decode_times = DecodeTimes(reorder_depth(track))
        return StreamInfo(track, audio[0].track() if audio else None)

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
            dts = self._decode_times.of(came.timestamp, came.is_key)
            return Packet("video", came.data, came.timestamp, dts, 0, came.is_key, came.arrived_us)
        return Packet("audio", came.data, came.timestamp, came.timestamp, 0, True, came.arrived_us)

    def allow_delay(self, seconds: float) -> None:
        """Packets may be given so much late."""
        self._client.allow_delay(seconds)

    def close(self) -> None:
        """Hang up."""
        self._client.close()


class RtspSource:
    """Implements `CameraSource`. Where our own client meets something it cannot do, FFmpeg's takes over."""

    paced = True

    def __init__(self, config: RtspConfig, stream: str) -> None:
        self._config, self._stream = config, stream
        self._stop = threading.Event()
        native = config.transport == "tcp" and config.address(stream).lower().startswith("rtsp://")
        self._source: Any = NativeSource(config, stream) if native else None

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
        return self._source.read(timeout_s)  # type: ignore[no-any-return]

    def allow_delay(self, seconds: float) -> None:
        """Packets may be given so much late (FFmpeg's client gives them as they come)."""
        if isinstance(self._source, NativeSource):
            self._source.allow_delay(seconds)

    def close(self) -> None:
        """Hang up."""
        if self._source is not None:
            self._source.close()
