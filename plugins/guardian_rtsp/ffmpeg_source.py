"""An RTSP stream through FFmpeg's client (PyAV): for UDP, TLS, and cameras that our own client does not understand."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import av
from av import error as fault

from guardian.sdk import (
    CameraPathNotFound,
    CameraRefusedLogin,
    CameraStalled,
    CameraUnreachable,
    Codec,
    DeviceFault,
    NotAVideo,
    Packet,
    StreamInfo,
    TrackInfo,
)
from guardian_rtsp.config import RtspConfig

VIDEO = {"h264": Codec.H264, "hevc": Codec.H265}
AUDIO = {"aac": Codec.AAC, "opus": Codec.OPUS, "pcm_mulaw": Codec.PCMU, "pcm_alaw": Codec.PCMA}
OPEN_S = 10.0
# Half a second of probing opens a camera in 0.5 s instead of 1.8 s; parameter sets that come later come in band.
OPTIONS = {"analyzeduration": "500000", "probesize": "500000", "fflags": "nobuffer", "flags": "low_delay"}

av.logging.set_level(None)  # FFmpeg's log callback can deadlock threads


class FfmpegSource:
    """Implements `CameraSource`."""

    paced = True

    def __init__(self, config: RtspConfig, stream: str) -> None:
        self._config, self._stream = config, stream
        self._where = config.public_address(stream)
        self._container: Any = None
        self._packets: Iterator[Any] = iter(())
        self._lock = threading.Lock()

    def open(self, stop: threading.Event) -> StreamInfo:
        """Connect. Returns or raises within some twelve seconds."""
        options = {**OPTIONS, "rtsp_transport": self._config.transport, "timeout": str(int(self._config.timeout_s * 1e6))}
        try:
            self._container = av.open(
                self._config.address(self._stream),
                options=options,
                timeout=(min(OPEN_S, self._config.timeout_s * 2), self._config.timeout_s),
            )
        except Exception as error:  # noqa: BLE001 - FFmpeg raises many kinds; each is said in our words
            raise self._fault(error) from None
        video, audio = self._streams()
        wanted = [video] if audio is None else [video, audio]
        self._packets = self._container.demux(wanted)
        self._info = StreamInfo(_video(video), _audio(audio) if audio is not None else None)
        return self._info

    def _streams(self) -> tuple[Any, Any]:
        video = next((one for one in self._container.streams.video if one.codec_context.name in VIDEO), None)
        if video is None:
            other = next((one.codec_context.name for one in self._container.streams.video), "no video at all")
            raise NotAVideo(f"{self._where}: the camera sends {other}", cure="Set the camera's video to H.264 or H.265.")
        audio = next((one for one in self._container.streams.audio if one.codec_context.name in AUDIO), None)
        return video, audio

    def read(self, timeout_s: float) -> Packet | None:
        """Return the next packet; blocks for at most the configured timeout."""
        try:
            packet = next(self._packets)
        except StopIteration:
            raise CameraUnreachable(f"{self._where}: the camera hung up", cure="It is asked anew by itself.") from None
        except Exception as error:  # noqa: BLE001 - FFmpeg raises many kinds; each is said in our words
            raise self._fault(error) from None
        if packet.size == 0:
            return None
        kind = packet.stream.type
        return Packet(
            "video" if kind == "video" else "audio",
            bytes(packet),
            packet.pts,
            packet.dts,
            packet.duration or 0,
            bool(packet.is_keyframe),
            time.monotonic_ns() // 1000,
        )

    def close(self) -> None:
        """Hang up; may be called twice, and from another thread."""
        with self._lock:
            container, self._container = self._container, None
        if container is not None:
            container.close()

    def _fault(self, error: Exception) -> DeviceFault:
        """Say in our words what FFmpeg says; its own text may hold the password."""
        if isinstance(error, DeviceFault):
            return error
        for kinds, make, what, cure in _FAULTS:
            if isinstance(error, kinds):
                return make(f"{self._where}: {what}", cure=cure)
        return CameraUnreachable(
            f"{self._where}: {type(error).__name__}", cure="Is the camera on, and is the address right?"
        )


_ADDRESS = "Is the camera on, and are the address and the port right?"
_FAULTS: tuple[tuple[Any, type[DeviceFault], str, str], ...] = (
    (
        (fault.HTTPUnauthorizedError, fault.HTTPForbiddenError),
        CameraRefusedLogin,
        "the camera refused the login",
        "Correct the camera's username and password.",
    ),
    (
        fault.HTTPNotFoundError,
        CameraPathNotFound,
        "the camera knows no such path",
        "Correct the path at the end of the url.",
    ),
    (
        fault.HTTPClientError,
        CameraUnreachable,
        "the camera refused the request",
        'Try transport = "udp", or correct the url.',
    ),
    (fault.HTTPServerError, CameraUnreachable, "the camera reports a fault of its own", "It is asked anew by itself."),
    (fault.ConnectionRefusedError, CameraUnreachable, "nothing listens there (connection refused)", _ADDRESS),
    (fault.ExitError, CameraStalled, "the camera holds the line and sends nothing", "It is asked anew by itself."),
    (fault.TimeoutError, CameraUnreachable, "the camera does not answer", _ADDRESS),
    (fault.InvalidDataError, CameraUnreachable, "what answers there does not speak RTSP, or says nothing", _ADDRESS),
    (OSError, CameraUnreachable, "cannot be reached", _ADDRESS),
)


def _video(stream: Any) -> TrackInfo:
    context = stream.codec_context
    return TrackInfo(
        "video",
        VIDEO[context.name],
        stream.time_base.denominator,
        bytes(context.extradata or b""),
        context.width or 0,
        context.height or 0,
    )


def _audio(stream: Any) -> TrackInfo:
    context = stream.codec_context
    return TrackInfo(
        "audio",
        AUDIO[context.name],
        stream.time_base.denominator,
        bytes(context.extradata or b""),
        sample_rate=context.sample_rate or 0,
        channels=getattr(context, "channels", 0) or len(context.layout.channels),
    )
