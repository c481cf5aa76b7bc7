"""CPU that record + seal costs, beside `ffmpeg -c copy -f segment` on the same RTSP cameras at the same time."""

from __future__ import annotations

import contextlib
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import psutil

from guardian.model.errors import ServiceUnavailable

SYSTEM_PYTHON = "/usr/bin/python3"
FPS, WIDTH, HEIGHT, BIT_RATE, FOOTAGE_S = 15, 1920, 1080, 4_000_000, 20
SETTLE_S = 6.0


def make_stream(path: Path) -> None:
    """Encode a moving, noisy picture as an H.264 elementary stream: 1080p15, about 4 Mb/s, a keyframe every two seconds."""
    import av
    import numpy as np

    options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "x264-params": "aud=1:keyint=30:min-keyint=30:scenecut=0:repeat-headers=1:nal-hrd=cbr:vbv-maxrate=4000:vbv-bufsize=4000",
    }
    random = np.random.default_rng(1)
    base = (np.add.outer(np.arange(HEIGHT), np.arange(WIDTH)) // 8 % 200 + 20).astype(np.uint8)
    with av.open(str(path), "w", format="h264") as out:
        stream: Any = out.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = WIDTH, HEIGHT, "yuv420p", BIT_RATE
        for n in range(FPS * FOOTAGE_S):
            luma = np.roll(base, n * 4, axis=1).copy()
            luma[300:700, 500:1200] = random.integers(0, 40, (400, 700), dtype=np.uint8) + 90
            planes = np.concatenate([luma.ravel(), np.full(WIDTH * HEIGHT // 2, 128, np.uint8)])
            frame = av.VideoFrame.from_ndarray(planes.reshape(HEIGHT * 3 // 2, WIDTH), format="yuv420p")
            frame.pts, frame.time_base = n, Fraction(1, FPS)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


@contextlib.contextmanager
def started(argv: list[str], **more: Any) -> Iterator[subprocess.Popen[str]]:
    """Run a program in the background and end it, and it alone, at last."""
    process = subprocess.Popen(argv, text=True, **more)  # noqa: S603
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def measure(cameras: int, seconds: float) -> dict[str, Any]:
    """Return CPU seconds a camera-minute of ours, of ffmpeg, and their ratio; both record the same cameras at the same time."""
    for program in (SYSTEM_PYTHON, "ffmpeg"):
        if shutil.which(program) is None:
            raise ServiceUnavailable(
                f"{program} is not installed", cure="apt-get install ffmpeg python3-gi gir1.2-gst-rtsp-server-1.0"
            )
    with tempfile.TemporaryDirectory(prefix="guardian-bench-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        make_stream(folder / "stream.h264")
        server = stack.enter_context(
            started(
                [
                    SYSTEM_PYTHON,
                    str(Path(__file__).with_name("bench_rtsp.py")),
                    str(folder / "stream.h264"),
                    str(FPS),
                    str(cameras),
                ],
                stdout=subprocess.PIPE,
            )
        )
        assert server.stdout is not None
        ready = server.stdout.readline().split()
        if ready[:1] != ["READY"]:
            raise ServiceUnavailable(
                "no RTSP server could be started",
                cure="apt-get install python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-{base,good,bad}",
            )
        urls = [f"rtsp://127.0.0.1:{ready[1]}/cam{n}" for n in range(cameras)]
        ours = psutil.Process(stack.enter_context(_guardian(folder / "data", urls)).pid)
        theirs = [psutil.Process(stack.enter_context(_ffmpeg(folder, n, url)).pid) for n, url in enumerate(urls)]
        _wait_until_recording(folder / "data", cameras)
        time.sleep(SETTLE_S)
        before = (_cpu_s([ours, *ours.children(recursive=True)]), _cpu_s(theirs))
        began = time.monotonic()
        time.sleep(seconds)
        after = (_cpu_s([ours, *ours.children(recursive=True)]), _cpu_s(theirs))
        camera_minutes = cameras * (time.monotonic() - began) / 60
        memory = _memory(folder / "data")
    cost, baseline = ((late - early) / camera_minutes for early, late in zip(before, after, strict=True))
    return {
        "cameras": cameras,
        "seconds": seconds,
        "cpu_s_per_camera_minute": round(cost, 4),
        "baseline_cpu_s_per_camera_minute": round(baseline, 4),
        "ratio": round(cost / baseline, 3) if baseline else None,
        "memory_mb_per_camera": memory["camera"],
        "memory_mb_conductor": memory["conductor"],
    }


def _memory(data: Path) -> dict[str, float]:
    """Return MB (PSS) of the median process of each role, as the program that runs says it."""
    argv = [sys.executable, "-m", "guardian", "token", "create", "bench", "--data", str(data), "--json"]
    token = json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()[-1])["token"]  # noqa: S603
    url = json.loads((data / "run.json").read_text())["url"]
    request = urllib.request.Request(f"{url}/api/v1/system", headers={"Authorization": f"Bearer {token}"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        processes = json.load(answer)["processes"]
    roles: dict[str, list[float]] = {}
    for one in processes:
        roles.setdefault(one["role"], []).append(one["memory_bytes"] / 1e6)
    return {role: round(statistics.median(sizes), 1) for role, sizes in roles.items()}


def _guardian(data: Path, urls: list[str]) -> contextlib.AbstractContextManager[subprocess.Popen[str]]:
    from guardian.vault.keyring import Keyring

    data.mkdir(mode=0o700)
    Keyring.create(data / "vault", "bench bench bench", now_us=0)
    lines = ["[web]", "port = 0", "[storage]", "reserve_gb = 0.1"]
    for n, url in enumerate(urls):
        lines += [
            f"[cameras.cam{n}]",
            'kind = "rtsp"',
            f"source = {{ url = {json.dumps(url)} }}",
            f"[cameras.cam{n}.detect]",
            "enabled = false",
        ]
    (data / "config.toml").write_text("\n".join(lines))
    (data / "config.toml").chmod(0o600)
    return started(
        [sys.executable, "-m", "guardian", "run", "--data", str(data), "--json"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _ffmpeg(folder: Path, n: int, url: str) -> contextlib.AbstractContextManager[subprocess.Popen[str]]:
    argv = ["ffmpeg", "-nostdin", "-loglevel", "error", "-rtsp_transport", "tcp", "-i", url, "-map", "0", "-c", "copy"]
    argv += ["-f", "segment", "-segment_time", "60", "-reset_timestamps", "1", str(folder / f"ffmpeg-{n}-%03d.mp4")]
    return started(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _wait_until_recording(data: Path, cameras: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        files = [path for path in (data / "segments").rglob("*.pgs") if path.stat().st_size > 100_000]
        if len({path.parts[-4] for path in files}) >= cameras:
            return
        time.sleep(0.2)
    raise ServiceUnavailable(
        "not every camera was recorded within a minute", cure="Is the machine too busy? Try fewer --cameras."
    )


def _cpu_s(processes: list[psutil.Process]) -> float:
    total = 0.0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
    return total
