"""CPU that watching costs while nothing moves and while much does, beside ffmpeg that decodes every frame, and beside
ourselves without laziness; on the same film, one after the other in one run.

What inference itself takes is told apart: ffmpeg's line has none. Ours has reading, gate, decoder, motion, crops,
tracking and events in it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

from guardian.detect.client import LocalInference, OnDone
from guardian.model.errors import BadSetting, ServiceUnavailable
from guardian.model.media import VIDEO_TIMESCALE
from guardian.model.messages import InferReply, ModelReady
from guardian.platform.limits import keep_freed_memory, settle_memory
from guardian.processes.engines import engine_for
from guardian.processes.replay import Progress, RunBegins, Setting, file_footage, watcher_of
from guardian.services.demo import CLIP
from guardian.settings.schema import CameraSettings, DetectSettings, Settings
from guardian.watch.pipeline import Infer
from guardian.watch.replay import Replay

WIDTH, HEIGHT, FPS, BIT_RATE = 1920, 1080, 15, "4M"
ROUNDS = 3
LEAD_S, FILM_S = 16, 60  # a run is watched closely for its first ten seconds: that is not what is measured
FOOTAGE = "GUARDIAN_FOOTAGE"  # folder with people.mp4 and pets09.avi
ENCODER = "keyint=30:min-keyint=30:scenecut=0:bframes=0:sliced-threads=0"


@dataclass(frozen=True, slots=True)
class Film:
    """Where a stretch comes from: a video, and the FFmpeg filters that make 1080p15 of it that goes on for as long as it takes."""

    path: Path
    filters: str


def films(calm: Path | None, busy: Path | None) -> dict[str, Film]:
    """Return the films to make: those given, else of the test footage where there is some, else of the demo's clip."""
    scale = f"fps={FPS},scale={WIDTH}:{HEIGHT}:force_original_aspect_ratio=increase,crop={WIDTH}:{HEIGHT}"
    still = f"[0:v]{scale},trim=end_frame=1,loop=-1:1"
    walk = f"[0:v]{scale},loop=-1:900"
    folder = Path(os.environ.get(FOOTAGE, "../shared/data/footage"))
    if calm is None and (folder / "people.mp4").is_file():  # the empty room before the first visit, to and fro
        room = f"[0:v]trim=0.3:4.8,setpts=PTS-STARTPTS,{scale},split[a][b];[b]reverse[r];[a][r]concat=n=2,loop=-1:135"
        found = {"calm": Film(folder / "people.mp4", room)}
    else:
        found = {"calm": Film(calm or CLIP, walk if calm else still)}
    if busy is None and (folder / "pets09.avi").is_file():
        found["busy"] = Film(folder / "pets09.avi", walk)
    else:
        found["busy"] = Film(busy or CLIP, walk)
    return found


def measure(calm: Path | None, busy: Path | None, data_dir: Path) -> dict[str, dict[str, float]]:
    """Return CPU seconds a camera-minute of each stretch."""
    if shutil.which("ffmpeg") is None:
        raise ServiceUnavailable("ffmpeg is not installed", cure="apt-get install ffmpeg")
    with tempfile.TemporaryDirectory(prefix="guardian-bench-") as folder:
        return {
            name: _stretch(_make(film, Path(folder) / f"{name}.mp4"), data_dir) for name, film in films(calm, busy).items()
        }


def _make(film: Film, path: Path) -> Path:
    filters = f"{film.filters},noise=alls=3:allf=t,trim=duration={LEAD_S + FILM_S},setpts=N/{FPS}/TB[v]"
    argv = [
        "ffmpeg",
        "-nostdin",
        "-v",
        "error",
        "-i",
        str(film.path),
        "-filter_complex",
        filters,
        "-map",
        "[v]",
        "-r",
        str(FPS),
    ]
    argv += [
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-tune",
        "zerolatency",
        "-x264-params",
        ENCODER,
        "-pix_fmt",
        "yuv420p",
    ]
    argv += ["-b:v", BIT_RATE, "-maxrate", BIT_RATE, "-bufsize", BIT_RATE, str(path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise BadSetting(f"{film.path}: {done.stderr.strip()[:200]}", cure="Give another film.")
    return path


def _stretch(path: Path, data_dir: Path) -> dict[str, float]:
    """Measure by turns, as often as there are `ROUNDS`; medians count, for a virtual machine's speed changes from minute to minute."""
    answers = {lazy: _answers(path, data_dir, lazy=lazy) for lazy in (True, False)}
    baseline, ours = [], []
    for _ in range(ROUNDS):
        baseline.append(_ffmpeg(path))
        ours.append(_ours(path, data_dir, answers[True]))
    lazy, eager = ours[0], _ours(path, data_dir, answers[False])
    return {
        "cpu_s_per_camera_minute": round(median(one.watch_s for one in ours), 3),
        "baseline_cpu_s_per_camera_minute": round(median(baseline), 3),
        "eager_cpu_s_per_camera_minute": round(eager.watch_s, 3),
        "ratio": round(median(one.watch_s / theirs for one, theirs in zip(ours, baseline, strict=True)), 3),
        "inference_cpu_s_per_camera_minute": round(lazy.inference_s, 3),
        "eager_inference_cpu_s_per_camera_minute": round(eager.inference_s, 3),
        "decoded_share": round(lazy.decoded_share, 3),
        "events": lazy.events,
        "eager_events": eager.events,
    }


def _ffmpeg(path: Path) -> float:
    """Return CPU seconds a minute that ffmpeg takes to decode every frame to 720p at 5 fps into a pipe that is read."""
    argv = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(path), "-vf", "fps=5,scale=1280:720"]
    argv += ["-pix_fmt", "yuv420p", "-f", "rawvideo", "pipe:1"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:  # noqa: S603
        assert process.stdout is not None
        while process.stdout.read(1 << 20):
            pass
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return (used.ru_utime + used.ru_stime) * 60 / (LEAD_S + FILM_S)


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds a minute of watching and of inference, share of frames that were decoded, and events."""

    watch_s: float
    inference_s: float
    decoded_share: float
    events: int


class _Counted:
    """Inference whose CPU is counted, and whose answers are kept."""

    def __init__(self, inner: LocalInference) -> None:
        self._inner = inner
        self.replies: list[InferReply] = []
        self.cpu_s: list[float] = []

    @property
    def model(self) -> ModelReady | None:
        return self._inner.model

    def submit(self, pictures: list[NDArray[np.uint8]], on_done: OnDone) -> bool:
        began = time.process_time()
        taken = self._inner.submit(pictures, self.replies.append)
        self.cpu_s.append(time.process_time() - began)
        on_done(self.replies[-1])
        return taken


class _Remembered:
    """Gives the same answers again, at no cost: the same film leads to the same questions."""

    def __init__(self, first: _Answers) -> None:
        self.model, self._replies = first.model, iter(first.replies)
        self.asked = 0

    def submit(self, pictures: list[NDArray[np.uint8]], on_done: OnDone) -> bool:
        self.asked += 1
        on_done(next(self._replies))
        return True


@dataclass(frozen=True, slots=True)
class _Answers:
    """What inference said to a film, and the CPU that each question took."""

    setting: Setting
    model: ModelReady | None
    replies: list[InferReply]
    cpu_s: list[float]


def _answers(path: Path, data_dir: Path, *, lazy: bool) -> _Answers:
    """Watch a film with inference. Its answers alone are what the passes that are measured get: a runtime's threads look for more
    work for a while after each answer, on the core that decodes.
    """
    camera = CameraSettings(kind="file", detect=DetectSettings(lazy=lazy))
    setting = Setting("bench", "bench", Settings(cameras={"bench": camera}))
    engine = engine_for(data_dir, setting.settings.detector, setting.settings.plugins, _say)
    infer = _Counted(LocalInference(engine))
    try:
        _played(path, data_dir, setting, infer, lambda: len(infer.cpu_s))
        return _Answers(setting, infer.model, infer.replies, infer.cpu_s)
    finally:
        engine.close()


def _ours(path: Path, data_dir: Path, answers: _Answers) -> Cost:
    """Watch a film, given the answers."""
    remembered = _Remembered(answers)
    played = _played(path, data_dir, answers.setting, remembered, lambda: remembered.asked)
    inference = sum(answers.cpu_s[played.asked_before :]) / played.minutes
    return Cost(played.cpu_s / played.minutes, inference, played.decoded_share, played.events)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


@dataclass(slots=True)
class _Played:
    """What was counted from `LEAD_S` on; `asked_before`: questions to inference until then."""

    cpu_s: float = 0.0
    minutes: float = 0.0
    decoded_share: float = 0.0
    events: int = 0
    asked_before: int = 0


def _played(path: Path, data_dir: Path, setting: Setting, infer: Infer, asked: Callable[[], int]) -> _Played:
    """Watch a film."""
    cv2.setNumThreads(1)
    replay = Replay(watcher_of(setting, infer))
    keep_freed_memory()  # as a camera's process does
    settle_memory()
    counted: _Played | None = None
    decoded = packets = 0
    seconds = 0.0
    for item in file_footage(path, data_dir, setting.settings):
        if isinstance(item, Progress):
            continue
        if isinstance(item, RunBegins):
            replay.begin(item.info, item.start_us)
            continue
        replay.push(item)
        seconds = item.dts / VIDEO_TIMESCALE
        if counted is None and seconds >= LEAD_S:
            state = replay.stats().state
            decoded, packets = state.decoded, state.packets
            counted = _Played(cpu_s=-time.process_time(), asked_before=asked())
    if counted is None:
        raise BadSetting(f"{path} is too short", cure="Give a longer film.")
    counted.cpu_s += time.process_time()
    state = replay.stats().state
    counted.minutes = (seconds - LEAD_S) / 60
    counted.decoded_share = (state.decoded - decoded) / max(1, state.packets - packets)
    counted.events = len(replay.end().events)
    return counted
