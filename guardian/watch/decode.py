"""Decodes samples with FFmpeg, and gives the luma plane as it lies in memory: nothing is converted until asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import av
import av.error
import cv2
import numpy as np
from numpy.typing import NDArray

from guardian.media.decoder_config import record_of
from guardian.model.errors import Damaged
from guardian.model.media import VIDEO_TIMESCALE, Codec, Sample, StreamInfo
from guardian.model.time import SECOND_US
from guardian.watch.scale import half, scale

Plane = NDArray[np.uint8]
Pixels = tuple[int, int, int, int]  # left, top, right, bottom

_NAMES = {Codec.H264: "h264", Codec.H265: "hevc"}
LUMA = (219 / 255, 16.0)  # full range to 16..235, and chroma to 16..240 around 128 (ITU-R BT.601)
CHROMA = (224 / 255, 128 * (1 - 224 / 255))
_PLANAR_420 = ("yuv420p", "yuvj420p")
_LUMA_FIRST = (*_PLANAR_420, "nv12")  # 8 bits a sample, brightness in a plane of its own; nv12 is what hardware gives


class Picture:
    """One decoded frame. Holds the decoder's own memory; no pixel is copied until one is asked for. `arrived_us`: when the packet
    came that completed it (monotonic; 0: not known).
    """

    def __init__(self, frame: Any, utc_us: int, arrived_us: int = 0) -> None:
        self._frame = frame if frame.format.name in _LUMA_FIRST else frame.reformat(format="yuv420p")
        self._full_range = frame.format.name.startswith("yuvj") or int(frame.color_range or 0) == 2
        self._smaller: dict[tuple[int, int], Plane] = {}
        self.utc_us, self.arrived_us = utc_us, arrived_us
        self.jpeg: bytes | None = None  # of the whole picture, once it has been made: for all events that want it
        self.width, self.height = int(frame.width), int(frame.height)

    def luma(self) -> Plane:
        """Brightness (height, width), a view."""
        return self._plane(0, self.width, self.height)

    def bgr(self, part: Pixels | None = None) -> Plane:
        """Return the picture, or a part of it, in colour (height, width, 3). A part's edges move outwards to even pixels."""
        left, top, right, bottom = part or (0, 0, self.width, self.height)
        left, top = left & ~1, top & ~1
        right, bottom = min(right + (right & 1), self.width), min(bottom + (bottom & 1), self.height)
        return self._convert(left, top, right, bottom)

    def scaled(self, part: Pixels, width: int, height: int, *, rgb: bool = False) -> Plane:
        """Return a part of the picture in colour (height, width, 3), BGR or RGB; `width` and `height` even. The planes are scaled
        before they are converted, so that the work goes with the smaller size.
        """
        level = max(0, int(min((part[2] - part[0]) / width, (part[3] - part[1]) / height)).bit_length() - 1)
        planar = np.empty((height * 3 // 2, width), np.uint8)
        luma = scale(_cut(self._halved(0, level), part, level), width, height)
        planar[:height] = _squeeze(luma, *LUMA) if self._full_range else luma
        chroma = planar[height:].reshape(2, height // 2, width // 2)
        for index in (0, 1):
            piece = scale(_cut(self._halved(index + 1, level), part, level + 1), width // 2, height // 2)
            chroma[index] = _squeeze(piece, *CHROMA) if self._full_range else piece
        return cv2.cvtColor(planar, cv2.COLOR_YUV2RGB_I420 if rgb else cv2.COLOR_YUV2BGR_I420)  # type: ignore[return-value]

    def small_luma(self, width: int) -> Plane:
        """Brightness, halved as long as it is at least twice as wide as that; shared by all who look at this picture."""
        return self._halved(0, max(0, (self.width // width).bit_length() - 1))

    def _halved(self, index: int, level: int) -> Plane:
        """Return a plane, halved so many times: once for all parts that are cut from it."""
        if (index, level) not in self._smaller:
            width = self.width if index == 0 else (self.width + 1) // 2
            self._smaller[index, level] = (
                half(self._halved(index, level - 1)) if level else self._plane(index, width, self._height(index))
            )
        return self._smaller[index, level]

    def _height(self, index: int) -> int:
        return self.height if index == 0 else (self.height + 1) // 2

    def _convert(self, left: int, top: int, right: int, bottom: int) -> Plane:
        width, height = right - left, bottom - top
        half_w, half_h = (width + 1) // 2, (height + 1) // 2
        luma = self._plane(0, self.width, self.height)[top:bottom, left:right]
        if width & 1 or height & 1:  # only where the picture itself is odd
            luma = np.pad(luma, ((0, height & 1), (0, width & 1)), mode="edge")
        planar = np.empty((half_h * 3, half_w * 2), np.uint8)
        planar[: half_h * 2] = _squeeze(luma, *LUMA) if self._full_range else luma
        chroma = planar[half_h * 2 :].reshape(2, half_h, half_w)
        for index in (0, 1):
            plane = self._plane(index + 1, (self.width + 1) // 2, (self.height + 1) // 2)
            part = plane[top // 2 : top // 2 + half_h, left // 2 : left // 2 + half_w]
            chroma[index] = _squeeze(part, *CHROMA) if self._full_range else part
        colour: Plane = cv2.cvtColor(planar, cv2.COLOR_YUV2BGR_I420)  # type: ignore[assignment]
        return colour[:height, :width]

    def _plane(self, index: int, width: int, height: int) -> Plane:
        if index and self._frame.format.name not in _PLANAR_420:  # colour is asked for: only now are its planes parted
            self._frame = self._frame.reformat(format="yuv420p")
        plane = self._frame.planes[index]
        return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:height, :width]


class Decoder:
    """Decodes one run of a stream, on the caller's thread. Without the `loop_filter` pictures are a little blocky, for a fifth
    less work. `context`: makes another decoder of the codec of that name (`watch.hardware`).
    """

    def __init__(
        self,
        info: StreamInfo,
        run_start_utc_us: int,
        *,
        loop_filter: bool = True,
        context: Callable[[str], Any] = lambda name: av.CodecContext.create(name, "r"),
    ) -> None:
        self._start_us = run_start_utc_us
        self._context = context(_NAMES[info.video.codec])
        self._context.thread_count = 1
        if not loop_filter:
            self._context.options = {"skip_loop_filter": "all"}
        try:
            self._context.extradata = record_of(info.video)
        except Damaged:
            self._context.extradata = info.video.config or None  # parameter sets come in band
        self.faults = 0

    def decode(self, sample: Sample) -> list[Picture]:
        """Return the frames that this sample completes, in the order of their times; none of a damaged one."""
        packet: Any = av.Packet(sample.data)
        packet.dts, packet.pts = sample.dts, sample.dts + sample.cts_offset
        try:
            frames = self._context.decode(packet)
        except (av.error.FFmpegError, ValueError):
            self.faults += 1
            return []
        return [Picture(frame, self._time(frame, sample), sample.arrived_us) for frame in frames]

    def drain(self) -> list[Picture]:
        """Return what a decoder still holds back; `restart` before feeding it again."""
        try:
            return [Picture(frame, self._time(frame, None)) for frame in self._context.decode(None) if frame.pts is not None]
        except (av.error.FFmpegError, ValueError):
            return []

    def restart(self) -> None:
        """Forget what was fed: the next sample is a keyframe that does not follow the last one."""
        self._context.flush_buffers()

    def _time(self, frame: Any, sample: Sample | None) -> int:
        pts = int(frame.pts) if sample is None or frame.pts is not None else sample.dts + sample.cts_offset
        return self._start_us + pts * SECOND_US // VIDEO_TIMESCALE


def _cut(plane: Plane, part: Pixels, shift: int) -> Plane:
    """Return a part of a plane that is 2 ** shift times smaller than the picture that the part is of."""
    left, top, right, bottom = part
    more = (1 << shift) - 1
    return plane[top >> shift : (bottom + more) >> shift, left >> shift : (right + more) >> shift]


def _squeeze(plane: Plane, share: float, least: float) -> Plane:
    """Return a full-range plane as OpenCV's conversion expects it."""
    squeezed: Plane = cv2.convertScaleAbs(plane, alpha=share, beta=least)  # type: ignore[assignment]
    return squeezed
