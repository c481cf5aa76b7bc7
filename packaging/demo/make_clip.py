"""Composes the demo clip: an astronaut walks by behind a garden wall, and a cat looks into the camera.

Made of public-domain photographs that come in scikit-image's wheel, and of what is drawn here; see README.md. Needs numpy,
opencv-python-headless, av and scikit-image; no network. The same versions give the same bytes.

    python packaging/demo/make_clip.py guardian/services/demo/clip.mp4
"""

from __future__ import annotations

import hashlib
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import skimage
from numpy.typing import NDArray

WIDTH, HEIGHT, FPS, SECONDS = 1280, 720, 15, 24
GOP = FPS
MOST_BYTES = 2_000_000
WALL = 560  # from this row down there is the garden wall
Image = NDArray[np.float32]  # 0..1, BGR

# Outlines by hand, in pixels of the photograph: surely the thing, and perhaps the thing.
ASTRONAUT_SURE = [
    (235, 40),
    (275, 60),
    (268, 120),
    (248, 150),
    (246, 182),
    (285, 225),
    (330, 275),
    (350, 420),
    (400, 500),
    (80, 500),
    (70, 300),
    (130, 240),
    (150, 190),
    (205, 150),
    (190, 80),
]
ASTRONAUT_MAYBE = [
    (233, 8),
    (285, 25),
    (302, 90),
    (284, 128),
    (262, 145),
    (259, 176),
    (276, 186),
    (302, 215),
    (314, 248),
    (346, 275),
    (362, 335),
    (392, 343),
    (450, 340),
    (511, 420),
    (511, 511),
    (20, 511),
    (15, 380),
    (22, 260),
    (70, 205),
    (115, 195),
    (112, 160),
    (165, 140),
    (168, 60),
]
CAT_SURE = [
    (60, 60),
    (130, 5),
    (370, 5),
    (352, 70),
    (352, 150),
    (330, 220),
    (270, 280),
    (120, 290),
    (20, 290),
    (5, 200),
    (22, 100),
]
CAT_MAYBE = [(16, 110), (24, 0), (440, 0), (385, 70), (375, 150), (360, 230), (320, 299), (0, 299), (0, 130)]


def photograph(name: str) -> NDArray[np.uint8]:
    """Return one of the pictures in scikit-image's wheel, as BGR."""
    path = Path(skimage.__file__).parent / "data" / f"{name}.png"
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise SystemExit(f"{path} is not there: install scikit-image from its wheel")
    return picture  # type: ignore[return-value]


def cut_out(picture: NDArray[np.uint8], sure: list[tuple[int, int]], maybe: list[tuple[int, int]]) -> Image:
    """Return (H, W, 4) with a soft mask: GrabCut (Rother et al. 2004) between the two outlines."""
    mask = np.full(picture.shape[:2], cv2.GC_BGD, np.uint8)
    cv2.fillPoly(mask, [np.array(maybe, np.int32)], (cv2.GC_PR_FGD,))
    cv2.fillPoly(mask, [np.array(sure, np.int32)], (cv2.GC_FGD,))
    cv2.setRNGSeed(1)
    cv2.grabCut(picture, mask, None, np.zeros((1, 65)), np.zeros((1, 65)), 8, cv2.GC_INIT_WITH_MASK)  # type: ignore[call-overload]
    inside = ((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)).astype(np.uint8)
    count, parts, stats, _ = cv2.connectedComponentsWithStats(inside)
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])) if count > 1 else 0
    inside = (parts == largest).astype(np.uint8)
    inside = cv2.morphologyEx(inside, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))  # type: ignore[assignment]
    holes, parts, stats, _ = cv2.connectedComponentsWithStats(1 - inside)
    for hole in range(1, holes):
        if stats[hole, cv2.CC_STAT_AREA] < 1500:
            inside[parts == hole] = 1
    alpha = cv2.GaussianBlur(cv2.erode(inside, np.ones((3, 3), np.uint8)).astype(np.float32), (0, 0), 1.6)
    return np.dstack([picture.astype(np.float32) / 255, alpha]).astype(np.float32)


def texture(name: str, tint: tuple[float, float, float], contrast: float = 1.0) -> Image:
    """Return a grey photograph of a surface in a colour (BGR), its mean the tint."""
    grey = cv2.cvtColor(photograph(name), cv2.COLOR_BGR2GRAY).astype(np.float32) / 255
    grey = 1 + (grey / float(grey.mean()) - 1) * contrast
    return np.clip(grey[..., None] * np.array(tint, np.float32), 0, 1).astype(np.float32)


def tiled(surface: Image, width: int, height: int, scale: float) -> Image:
    """Return a surface repeated (every other time mirrored, so that no seam shows)."""
    small = cv2.resize(surface, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    pair = np.hstack([small, small[:, ::-1]])
    block = np.vstack([pair, pair[::-1]])
    down, across = -(-height // block.shape[0]), -(-width // block.shape[1])
    return np.tile(block, (down, across, 1))[:height, :width].astype(np.float32)


def ground(surface: Image, horizon: int, bottom: int) -> Image:
    """Return a surface seen in perspective, from the horizon down."""
    wide = tiled(surface, WIDTH * 2, 1100, 0.5)
    source = np.array([[0, 0], [2 * WIDTH, 0], [2 * WIDTH, 1100], [0, 1100]], np.float32)
    target = np.array([[-100, horizon], [WIDTH + 100, horizon], [WIDTH + 1500, bottom], [-1500, bottom]], np.float32)
    return cv2.warpPerspective(wide, cv2.getPerspectiveTransform(source, target), (WIDTH, HEIGHT))  # type: ignore[return-value]


def yard() -> Image:
    """Draw the garden: sky, trees, a house with a lit window, a lawn and a path."""
    rng = np.random.default_rng(7)
    y = np.linspace(0, 1, HEIGHT, dtype=np.float32)[:, None, None]
    scene = (np.array([0.86, 0.74, 0.60]) * (1 - y) + np.array([0.80, 0.86, 0.92]) * y).astype(np.float32)
    scene = np.repeat(scene, WIDTH, axis=1)
    clouds = cv2.GaussianBlur(rng.random((HEIGHT, WIDTH)).astype(np.float32), (0, 0), sigmaX=90, sigmaY=22)
    clouds = np.clip((clouds - clouds.mean()) / (clouds.std() * 3), 0, 1)[..., None]
    scene = scene * (1 - 0.5 * clouds) + 0.97 * 0.5 * clouds
    leaves = tiled(texture("grass", (0.16, 0.27, 0.20), 1.1), WIDTH, HEIGHT, 0.35)
    crowns = np.zeros((HEIGHT, WIDTH), np.float32)
    for _ in range(90):
        centre = (int(rng.uniform(-40, WIDTH + 40)), int(rng.normal(285, 38)))
        cv2.circle(crowns, centre, int(rng.uniform(30, 70)), 1.0, -1, cv2.LINE_AA)
    crowns[290:345] = 1
    crowns = cv2.GaussianBlur(crowns, (0, 0), 2.5)[..., None]
    shade = np.clip(1.35 - 0.9 * (np.arange(HEIGHT, dtype=np.float32) - 200) / 200, 0.5, 1.3)[:, None, None]
    scene = scene * (1 - crowns) + leaves * shade * crowns
    lawn = ground(texture("grass", (0.22, 0.50, 0.40), 0.8), 345, HEIGHT)
    scene[345:] = lawn[345:]
    path = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.fillPoly(path, [np.array([(905, 345), (950, 345), (1120, 720), (760, 720)], np.int32)], 1.0, cv2.LINE_AA)
    path = cv2.GaussianBlur(path, (0, 0), 3)[..., None]
    scene = scene * (1 - path) + ground(texture("gravel", (0.62, 0.66, 0.70), 0.7), 345, HEIGHT) * path
    return np.clip(house(scene), 0, 1).astype(np.float32)


def house(scene: Image) -> Image:
    """Draw a house on the left, far enough back to leave the yard free."""
    rng = np.random.default_rng(3)
    left, right, top, foot = 70, 520, 130, 372
    plaster = cv2.GaussianBlur(rng.random((foot - top, right - left)).astype(np.float32), (0, 0), 1.2)
    scene[top:foot, left:right] = np.array([0.78, 0.86, 0.90]) * (0.9 + 0.2 * plaster[..., None])
    roof = tiled(texture("brick", (0.24, 0.28, 0.42), 0.8), WIDTH, HEIGHT, 0.22)
    shape = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.fillPoly(shape, [np.array([(30, 140), (120, 40), (470, 40), (560, 140)], np.int32)], 1.0, cv2.LINE_AA)
    scene = scene * (1 - shape[..., None]) + roof * shape[..., None]
    cv2.rectangle(scene, (30, 138), (560, 146), (0.30, 0.32, 0.36), -1)
    for x in (125, 360):
        cv2.rectangle(scene, (x - 7, 188), (x + 107, 292), (0.92, 0.94, 0.95), -1)
        cv2.rectangle(scene, (x, 195), (x + 100, 285), (0.42, 0.36, 0.30), -1)
        glow = np.linspace(0.25, 0.0, 90, dtype=np.float32)[:, None, None]
        scene[195:285, x : x + 100] += glow * np.array([0.8, 0.9, 1.0], np.float32)
        cv2.line(scene, (x + 50, 195), (x + 50, 285), (0.92, 0.94, 0.95), 5)
        cv2.line(scene, (x, 240), (x + 100, 240), (0.92, 0.94, 0.95), 5)
    cv2.rectangle(scene, (258, 215), (332, 372), (0.92, 0.94, 0.95), -1)
    cv2.rectangle(scene, (264, 221), (326, 372), (0.30, 0.36, 0.20), -1)
    for corner in ((272, 232), (300, 232), (272, 300), (300, 300)):
        cv2.rectangle(scene, corner, (corner[0] + 18, corner[1] + 52), (0.35, 0.42, 0.25), -1)
    cv2.circle(scene, (318, 300), 3, (0.6, 0.8, 0.9), -1, cv2.LINE_AA)
    hedge = tiled(texture("grass", (0.13, 0.24, 0.17), 1.2), WIDTH, HEIGHT, 0.3)
    edge = np.zeros((HEIGHT, WIDTH), np.float32)
    for x in range(-20, WIDTH + 20, 18):
        if not 895 < x < 965:
            cv2.circle(edge, (x, 372 + int(rng.uniform(-7, 7))), 24, 1.0, -1, cv2.LINE_AA)
    edge[372:396] = np.maximum(edge[372:396], edge[371])
    edge = cv2.GaussianBlur(edge, (0, 0), 1.5)[..., None]
    light = np.clip(1.4 - (np.arange(HEIGHT, dtype=np.float32) - 348) / 50, 0.55, 1.4)[:, None, None]
    return (scene * (1 - edge) + hedge * light * edge).astype(np.float32)


def masonry(height: int) -> Image:
    """Draw bricks in running bond, each a little other in colour."""
    rng = np.random.default_rng(5)
    rough = texture("gravel", (1.0, 1.0, 1.0), 0.35)
    out = tiled(rough, WIDTH, height, 0.4) * np.array([0.55, 0.60, 0.64], np.float32)
    grain = tiled(rough, WIDTH, height, 0.7)
    for row, top in enumerate(range(0, height, 34)):
        for left in range(-96 + 48 * (row % 2), WIDTH, 96):
            tone = np.array([0.24, 0.33, 0.60], np.float32) * rng.uniform(0.82, 1.15) + rng.uniform(-0.03, 0.03, 3)
            place = (slice(top + 3, top + 31), slice(max(0, left + 3), max(0, left + 93)))
            out[place] = grain[place] * tone
    return cv2.GaussianBlur(out, (3, 3), 0).astype(np.float32)


def wall() -> Image:
    """Draw the garden wall in the foreground, (H, W, 4)."""
    bricks = masonry(HEIGHT - WALL)
    shade = np.linspace(1.05, 0.55, HEIGHT - WALL, dtype=np.float32)[:, None, None]
    cap = tiled(texture("gravel", (0.66, 0.70, 0.73), 0.35), WIDTH, 34, 0.5)
    layer = np.zeros((HEIGHT, WIDTH, 4), np.float32)
    layer[WALL:, :, :3], layer[WALL:, :, 3] = bricks * shade, 1
    layer[WALL - 14 : WALL + 20, :, :3], layer[WALL - 14 : WALL + 20, :, 3] = cap, 1
    layer[WALL - 14 : WALL - 10, :, :3] *= 1.15
    layer[WALL + 20 : WALL + 34, :, :3] *= np.linspace(0.5, 1, 14, dtype=np.float32)[:, None, None]
    return np.clip(layer, 0, 1)


def put(
    scene: Image, thing: Image, x: float, foot: float, height: float, *, mirrored: bool = False, turn: float = 0.0
) -> None:
    """Lay a cut-out over the scene: its lower edge's middle at (x, foot), to parts of a pixel."""
    scale = height / thing.shape[0]
    if mirrored:
        thing = thing[:, ::-1]
    if scale < 1:
        smaller = (max(1, round(thing.shape[1] * scale)), max(1, round(thing.shape[0] * scale)))
        thing = cv2.resize(thing, smaller, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        scale = height / thing.shape[0]
    high, wide = thing.shape[:2]
    matrix = cv2.getRotationMatrix2D((wide / 2, float(high)), turn, scale)
    matrix[:, 2] += (x - wide / 2, foot - high)
    laid = cv2.warpAffine(thing, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
    alpha = laid[..., 3:]
    scene[:] = scene * (1 - alpha) + laid[..., :3] * alpha


def between(t: float, points: list[tuple[float, float]]) -> float | None:
    """Return where something is at a time, gliding from point to point; None before the first and after the last."""
    for (t0, x0), (t1, x1) in pairwise(points):
        if t0 <= t <= t1:
            share = (t - t0) / (t1 - t0)
            return x0 + (x1 - x0) * share * share * (3 - 2 * share)
    return None


FIRST_WALK = [(0.8, -240.0), (3.2, 330.0), (6.4, 390.0), (12.0, 1540.0)]
SECOND_WALK = [(14.5, 1480.0), (20.5, -200.0)]
CAT_COMES = [(2.6, 1920.0), (4.2, 1065.0), (8.2, 1045.0), (9.8, 1920.0)]


def frame_at(t: float, back: Image, front: Image, person: Image, cat: Image) -> NDArray[np.uint8]:
    """Return the picture at a time, BGR."""
    scene = back.copy()
    x = between(t, SECOND_WALK)
    if x is not None:
        put(scene, person, x, 700 + 4 * np.sin(t * 9.5), 450, mirrored=True, turn=0.7 * np.sin(t * 4.7))
    # The wall hides the helmet under her arm: alone at the picture's edge, the model takes it for a car.
    x = between(t, FIRST_WALK)
    if x is not None:
        calm = 0.25 if 3.2 < t < 6.4 else 1.0
        put(scene, person, x, 744 + 6 * calm * np.sin(t * 9), 580, turn=0.8 * calm * np.sin(t * 4.5))
    scene = scene * (1 - front[..., 3:]) + front[..., :3] * front[..., 3:]
    x = between(t, CAT_COMES)
    if x is not None:
        put(scene, cat, x, 732 + 5 * np.sin(t * 2.2), 745, mirrored=True)
    return np.clip(scene * 255 + 0.5, 0, 255).astype(np.uint8)


def lens(scene: Image) -> Image:
    """Soften the picture and darken its corners a little, as a small camera's lens does."""
    scene = cv2.GaussianBlur(scene, (0, 0), 1.1)  # type: ignore[assignment]
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j].astype(np.float32)
    return (scene * (1 - 0.16 * np.clip(x * x + y * y - 0.4, 0, 1.6))[..., None]).astype(np.float32)


def write(path: Path) -> None:
    """Encode the clip: H.264 as cameras send it, a keyframe every second, no B-frames."""
    back = lens(yard())
    front = wall()
    front[..., :3] = lens(front[..., :3])
    person = cut_out(photograph("astronaut"), ASTRONAUT_SURE, ASTRONAUT_MAYBE)
    cat = cut_out(photograph("chelsea"), CAT_SURE, CAT_MAYBE)
    options = {"movflags": "+faststart"}
    with av.open(str(path), "w", format="mp4", options=options) as container:
        stream: Any = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt, stream.time_base = WIDTH, HEIGHT, "yuv420p", Fraction(1, FPS)
        stream.codec_context.thread_count = 1
        stream.options = {
            "preset": "slow",
            "crf": "30",
            "profile": "main",
            "x264-params": f"keyint={GOP}:min-keyint={GOP}:scenecut=0:bframes=0:threads=1",
        }
        for index in range(FPS * SECONDS):
            picture = frame_at(index / FPS, back, front, person, cat)
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def main() -> None:
    """Write the clip and say what it is."""
    path = Path(sys.argv[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path)
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise SystemExit(f"{path} has {size} bytes, more than {MOST_BYTES}")
    print(f"{path}: {size} bytes, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
