"""Fixtures' helper: a real RTSP server that can be killed, hung and started again on its port; footage made with PyAV."""

from __future__ import annotations

import os
import signal
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

SCRIPT = Path(__file__).with_name("rtsp_server.py")
SYSTEM_PYTHON = "/usr/bin/python3"


def require_server() -> None:
    """Skip, saying so, where GStreamer's RTSP server is missing."""
    probe = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
    try:
        done = subprocess.run([SYSTEM_PYTHON, "-c", probe], capture_output=True, timeout=30, check=False)
    except OSError:
        pytest.skip("there is no /usr/bin/python3")
    if done.returncode != 0:
        pytest.skip("GStreamer's RTSP server is not installed (gir1.2-gst-rtsp-server-1.0)")


class RtspServer:
    """One server; `paths` maps a path to `FILE[,CODEC[,AUDIO]]`."""

    def __init__(self, paths: dict[str, str], *options: str) -> None:
        self._paths, self._options = paths, options
        self.port = 0
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> RtspServer:
        """Start; a second time on the same port."""
        entries = [f"{path}={what}" for path, what in self._paths.items()]
        self.process = subprocess.Popen(
            [SYSTEM_PYTHON, str(SCRIPT), str(self.port), *entries, *self._options], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("READY"), line
        self.port = int(line.split()[1])
        return self

    def url(self, path: str, login: str = "") -> str:
        """Return a path's URL."""
        return f"rtsp://{login + '@' if login else ''}127.0.0.1:{self.port}/{path}"

    def kill(self) -> None:
        """End it at once, as when the plug is pulled."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            if self.process.stdout is not None:
                self.process.stdout.close()
            self.process = None

    def hang(self) -> None:
        """Stop it in its tracks: the sockets stay open and nothing comes."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)


def make_video(
    path: Path,
    *,
    seconds: int = 20,
    fps: int = 10,
    codec: str = "libx264",
    audio: str = "",
    size: tuple[int, int] = (320, 240),
    faststart: bool = False,
) -> Path:
    """Encode a moving box with a keyframe a second, and a tone where asked (`aac` or `libopus`).

    `faststart`: with the table of contents in front.
    """
    width, height = size
    options = {
        "libx264": {"preset": "ultrafast", "tune": "zerolatency", "x264-params": f"keyint={fps}:scenecut=0"},
        "libx265": {"preset": "ultrafast", "tune": "zerolatency", "x265-params": f"keyint={fps}:scenecut=0:log-level=none"},
    }[codec]
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"} if faststart else {}) as out:
        video = out.add_stream(codec, rate=fps, options=options)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        if codec == "libx265":
            video.codec_tag = "hvc1"
        rate = 48_000 if audio == "libopus" else 16_000
        sound = out.add_stream(audio, rate=rate, layout="mono") if audio else None
        sounded = 0
        for n in range(seconds * fps):
            picture = np.full((height * 3 // 2, width), 128, np.uint8)
            picture[:height] = np.linspace(30, 200, width).astype(np.uint8)
            x = n * 7 % (width - 40)
            picture[height // 3 : height // 3 + 40, x : x + 40] = 240
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
            frame.pts, frame.time_base = n, Fraction(1, fps)
            out.mux(video.encode(frame))
            while sound is not None and sounded / rate < (n + 1) / fps:
                wave = (0.1 * np.sin(2 * np.pi * 440 * (np.arange(960) + sounded) / rate)).astype(np.float32)
                tone = av.AudioFrame.from_ndarray(wave[None, :], format="fltp" if audio == "aac" else "flt", layout="mono")
                tone.sample_rate, tone.pts, tone.time_base = rate, sounded, Fraction(1, rate)
                sounded += 960
                out.mux(sound.encode(tone))
        out.mux(video.encode(None))
        if sound is not None:
            out.mux(sound.encode(None))
    return path
