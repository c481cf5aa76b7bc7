"""Draws a pattern with a turning hand and encodes it as H.264, in real time; a tone as AAC where asked."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from guardian.sdk import Codec, NotAVideo, Packet, StreamInfo, TrackInfo
from guardian_testpattern.config import TestPatternConfig

RATE, TONE_HZ, FRAME = 16_000, 440, 1024
TURN_S = 10.0
GLOBAL_HEADER = 1 << 22  # AV_CODEC_FLAG_GLOBAL_HEADER

av.logging.set_level(None)


class TestPatternSource:
    """Implements `CameraSource`."""

    __test__ = False
    paced = True

    def __init__(self, config: TestPatternConfig) -> None:
        self._config = config
        self._ready: deque[Packet] = deque()
        self._n = self._sound_n = 0

    def open(self, stop: threading.Event) -> StreamInfo:
        """Set the encoders up."""
        c = self._config
        self._stop = stop
        if "libx264" not in av.codecs_available:
            raise NotAVideo("no H.264 encoder here", cure="Reinstall the package `av`.")
        self._video: Any = av.CodecContext.create("libx264", "w")
        self._video.width, self._video.height, self._video.pix_fmt = c.width, c.height, "yuv420p"
        self._video.time_base, self._video.framerate = Fraction(1, 90_000), Fraction(c.fps)
        options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "26", "x264-params": f"keyint={c.fps}:scenecut=0"}
        self._video.options = options
        self._video.flags |= GLOBAL_HEADER
        self._video.open()
        self._background = _background(c.width, c.height)
        audio = None
        if c.tone:
            self._audio: Any = av.CodecContext.create("aac", "w")
            self._audio.sample_rate, self._audio.layout, self._audio.format = RATE, "mono", "fltp"
            self._audio.flags |= GLOBAL_HEADER
            self._audio.open()
            audio = TrackInfo("audio", Codec.AAC, RATE, bytes(self._audio.extradata or b""), sample_rate=RATE, channels=1)
        self._began_s = time.monotonic()
        video = TrackInfo("video", Codec.H264, 90_000, bytes(self._video.extradata or b""), c.width, c.height)
        return StreamInfo(video, audio)

    def read(self, timeout_s: float) -> Packet | None:
        """Return the next packet when its time has come."""
        if not self._ready:
            wait_s = self._began_s + self._n / self._config.fps - time.monotonic()
            if wait_s > 0:
                self._stop.wait(min(wait_s, timeout_s))
                if wait_s > timeout_s:
                    return None
            self._draw()
        return self._ready.popleft() if self._ready else None

    def _draw(self) -> None:
        at_s = self._n / self._config.fps
        frame = av.VideoFrame.from_ndarray(_picture(self._background, at_s / TURN_S), format="yuv420p")
        frame.pts, frame.time_base = round(at_s * 90_000), Fraction(1, 90_000)
        self._n += 1
        now_us = time.monotonic_ns() // 1000
        for p in self._video.encode(frame):
            self._ready.append(
                Packet("video", bytes(p), p.pts, p.dts, 90_000 // self._config.fps, bool(p.is_keyframe), now_us)
            )
        while self._config.tone and self._sound_n / RATE <= at_s:
            self._sound(now_us)

    def _sound(self, now_us: int) -> None:
        at = (np.arange(FRAME) + self._sound_n) / RATE
        wave = (0.05 * np.sin(2 * np.pi * TONE_HZ * at)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(wave[None, :], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._sound_n, Fraction(1, RATE)
        self._sound_n += FRAME
        for p in self._audio.encode(frame):
            self._ready.append(Packet("audio", bytes(p), p.pts, p.dts, FRAME, True, now_us))

    def close(self) -> None:
        """Let go of the encoders."""
        self._video = self._audio = None


def _background(width: int, height: int) -> NDArray[np.uint8]:
    """Return the still part as a planar YUV 4:2:0 picture, (height * 3 / 2, width)."""
    picture = np.full((height * 3 // 2, width), 128, np.uint8)
    bars = np.linspace(210, 40, 8).astype(np.uint8)
    picture[:height] = np.repeat(bars, -(-width // 8))[:width]
    picture[height * 3 // 4 : height] = np.linspace(16, 235, width).astype(np.uint8)
    return picture


def _picture(background: NDArray[np.uint8], turn: float) -> NDArray[np.uint8]:
    """Return the pattern with its hand at a share of a turn."""
    picture = background.copy()
    height, width = picture.shape[0] * 2 // 3, picture.shape[1]
    radius, middle_x, middle_y = height // 4, width // 2, height * 3 // 8
    for step in range(radius):
        x = middle_x + int(step * math.sin(2 * math.pi * turn))
        y = middle_y - int(step * math.cos(2 * math.pi * turn))
        picture[max(0, y - 3) : y + 3, max(0, x - 3) : x + 3] = 250 if step % 16 < 8 else 10
    return picture
