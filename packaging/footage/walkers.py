"""Makes short clips of one person who crosses a real background: of every height, speed, contrast and side of entry.

Who walks is cut out of footage in which people walk before a background that is known, by the difference from it; where they
walk is the median of other footage, or a photograph. The truth stands beside the clips in `walkers.json`.

    python packaging/footage/walkers.py people.mp4 out/ --backgrounds pets09.avi people.mp4 dog.jpg --count 200

Needs numpy, opencv-python-headless and av; no network. The same versions give the same clips.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

FPS, GOP = 10, 20
CALM_S = 11.0  # nobody is there for so long that whoever watches has finished its first look round
WALK_S = 6.0
AFTER_S = 1.0
HEIGHTS = (24, 32, 40, 48, 64, 80, 96, 128, 192, 256)  # pixels
SPEEDS = (0.4, 0.8, 1.4)  # of their own height a second; people walk at 0.8
CONTRASTS = (1.0, 0.5, 0.25)  # of the difference from the ground they walk on
SIDES = ("left", "right")
NOISE = 2.0  # grey levels, standard deviation: a camera by day
MOST_WIDTH = 768
POSES = 8  # frames of one person, shown to and fro
DIFFERS = 30  # grey levels, in any colour, from the background
SAMPLES = 60  # frames whose median is the background

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Clip:
    """One clip and what happens in it: a person is in the picture from `start_s` to `end_s`."""

    file: str
    background: str
    person: int
    height: int
    speed: float
    contrast: float
    side: str
    start_s: float
    end_s: float


def frames_of(path: Path) -> Iterator[tuple[float, Image]]:
    """Yield (seconds, BGR) of a video."""
    with av.open(str(path)) as container:
        rate = float(container.streams.video[0].average_rate or FPS)
        for index, frame in enumerate(container.decode(video=0)):
            yield index / rate, frame.to_ndarray(format="bgr24")


def visits_of(path: Path) -> list[tuple[float, float]]:
    """Return when somebody is there, as the file beside the footage says; none without one."""
    truth = path.with_suffix(".truth.json")
    return [tuple(visit) for visit in json.loads(truth.read_text(encoding="utf-8"))["visits"]] if truth.exists() else []


def median_of(path: Path) -> Image:
    """Return the footage without what moves in it: the median of frames in which nobody is, where that is known."""
    visits = visits_of(path)
    free = [frame for at, frame in frames_of(path) if not any(start - 1 < at < end + 1 for start, end in visits)]
    return np.median(np.stack(free[:: max(1, len(free) // SAMPLES)]), axis=0).astype(np.uint8)


def background(path: Path) -> Image:
    """Return a photograph, or the median of footage, at most `MOST_WIDTH` wide and of even size."""
    picture = cv2.imread(str(path)) if path.suffix in (".jpg", ".png") else median_of(path)
    if picture is None:
        raise SystemExit(f"{path} is no picture")
    scale = min(1.0, MOST_WIDTH / picture.shape[1])
    size = (round(picture.shape[1] * scale) & ~1, round(picture.shape[0] * scale) & ~1)
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def people(path: Path) -> list[list[Floats]]:
    """Return for each visit some poses (H, W, 4: BGR 0..255, alpha 0..1), feet on the lower edge, all to one scale.

    A pose counts while the person stands free of all edges.
    """
    empty, visits = median_of(path), visits_of(path)
    found: list[list[Floats]] = [[] for _ in visits]
    for at, frame in frames_of(path):
        for (start, end), poses in zip(visits, found, strict=True):
            if start <= at <= end and len(poses) < POSES:
                pose = cut_out(frame, empty)
                if pose is not None:
                    poses.append(pose)
    return [_alike(poses) for poses in found if len(poses) >= POSES // 2]


def cut_out(frame: Image, empty: Image) -> Floats | None:
    """Return the one large thing that differs from the background, or None where it is cut off or in pieces."""
    off = cv2.absdiff(frame, empty).max(axis=2)
    mask = (cv2.GaussianBlur(off, (5, 5), 0) > DIFFERS).astype(np.uint8)
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((11, 7), np.uint8))  # type: ignore[assignment]
    _, parts, stats, _ = cv2.connectedComponentsWithStats(mask)
    if len(stats) < 2:
        return None
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    x, y, w, h, area = (int(value) for value in stats[largest])
    high, wide = mask.shape
    if x < 3 or y < 3 or x + w > wide - 3 or y + h > high - 3 or h < 2 * w or area < 0.35 * w * h:
        return None
    inside = (parts[y : y + h, x : x + w] == largest).astype(np.uint8)
    outlines, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(inside, outlines, -1, (1,), cv2.FILLED)
    alpha = cv2.GaussianBlur(cv2.erode(inside, np.ones((3, 3), np.uint8)).astype(np.float32), (0, 0), 1.0)
    return np.dstack([frame[y : y + h, x : x + w].astype(np.float32), alpha]).astype(np.float32)


def _alike(poses: list[Floats]) -> list[Floats]:
    """Return the poses with the height of the tallest, its head room above the others."""
    tallest = max(pose.shape[0] for pose in poses)
    return [np.pad(pose, ((tallest - pose.shape[0], 0), (0, 0), (0, 0))) for pose in poses]


def plan(count: int, persons: int, backgrounds: Sequence[tuple[str, Image]], seed: int = 1) -> list[Clip]:
    """Return clips in which every height comes as often as every other, and so does every contrast of it."""
    rng = np.random.default_rng(seed)
    clips = []
    for index in range(count):
        name, picture = backgrounds[int(rng.integers(len(backgrounds)))]
        height = HEIGHTS[index % len(HEIGHTS)]
        speed = SPEEDS[int(rng.integers(len(SPEEDS)))]
        crossing_s = (picture.shape[1] + height) / (speed * height)
        clips.append(
            Clip(
                file=f"walker-{index:03}.mp4",
                background=name,
                person=int(rng.integers(persons)),
                height=height,
                speed=speed,
                contrast=CONTRASTS[index // len(HEIGHTS) % len(CONTRASTS)],
                side=SIDES[int(rng.integers(2))],
                start_s=CALM_S,
                end_s=round(CALM_S + min(WALK_S, crossing_s), 2),
            )
        )
    return clips


def write(clip: Clip, poses: Sequence[Floats], picture: Image, path: Path, seed: int) -> None:
    """Encode one clip: H.264 as cameras send it, a keyframe every two seconds."""
    rng = np.random.default_rng(seed)
    high, wide = picture.shape[:2]
    scale = clip.height / poses[0].shape[0]
    sized = [cv2.resize(pose, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for pose in poses]
    foot = round(high * rng.uniform(max(0.55, (clip.height + 4) / high), 0.97))
    strip = picture[max(0, foot - clip.height) : foot].reshape(-1, 3).mean(axis=0)
    sized = [_faded(pose, strip, clip.contrast) for pose in sized]
    noise = [rng.normal(0, NOISE, picture.shape).astype(np.int8) for _ in range(6)]
    total = round((clip.end_s + AFTER_S) * FPS)
    with av.open(str(path), "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt, stream.time_base = wide, high, "yuv420p", Fraction(1, FPS)
        stream.codec_context.thread_count = 1
        keys = f"keyint={GOP}:min-keyint={GOP}:scenecut=0:bframes=0:threads=1"
        stream.options = {"preset": "superfast", "crf": "26", "x264-params": keys}
        for index in range(total):
            scene = picture.copy()
            since = index / FPS - clip.start_s
            if since >= 0 and index / FPS <= clip.end_s:
                step = index % (2 * len(sized) - 2) if len(sized) > 1 else 0
                pose = sized[step if step < len(sized) else 2 * len(sized) - 2 - step]
                along = since * clip.speed * clip.height
                centre = along - clip.height / 4 if clip.side == "left" else wide - along + clip.height / 4
                _lay(scene, pose if clip.side == "left" else pose[:, ::-1], round(centre), foot)
            seen = np.clip(scene.astype(np.int16) + noise[index % len(noise)], 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(seen, format="bgr24")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _faded(pose: Floats, ground: NDArray[Any], contrast: float) -> Floats:
    out = pose.copy()
    out[..., :3] = ground + contrast * (pose[..., :3] - ground)
    return out


def _lay(scene: Image, pose: Floats, centre: int, foot: int) -> None:
    """Lay a cut-out over the scene, its lower edge's middle at (centre, foot); what lies outside is cut off."""
    h, w = pose.shape[:2]
    left, top = centre - w // 2, foot - h
    x1, x2, y1, y2 = max(0, left), min(scene.shape[1], left + w), max(0, top), min(scene.shape[0], foot)
    if x1 >= x2 or y1 >= y2:
        return
    part = pose[y1 - top : y2 - top, x1 - left : x2 - left]
    alpha = part[..., 3:]
    under = scene[y1:y2, x1:x2].astype(np.float32)
    scene[y1:y2, x1:x2] = np.clip(under * (1 - alpha) + part[..., :3] * alpha, 0, 255).astype(np.uint8)


def main() -> None:
    """Write the clips and their truth."""
    parser = argparse.ArgumentParser(description="Clips of people who cross real backgrounds.")
    parser.add_argument("footage", type=Path, help="footage of one person at a time, with NAME.truth.json beside it")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--backgrounds", type=Path, nargs="+", required=True)
    parser.add_argument("--count", type=int, default=40)
    chosen = parser.parse_args()
    persons = people(chosen.footage)
    if not persons:
        raise SystemExit(f"nobody stands free in {chosen.footage}, or {chosen.footage.stem}.truth.json is not beside it")
    places = [(path.name, background(path)) for path in chosen.backgrounds]
    chosen.folder.mkdir(parents=True, exist_ok=True)
    clips = plan(chosen.count, len(persons), places)
    for index, clip in enumerate(clips):
        write(clip, persons[clip.person], dict(places)[clip.background], chosen.folder / clip.file, index)
    truth = json.dumps([asdict(clip) for clip in clips], indent=1)
    (chosen.folder / "walkers.json").write_text(truth + "\n", encoding="utf-8")
    print(f"{len(clips)} clips of {len(persons)} people in {chosen.folder}")


if __name__ == "__main__":
    main()
