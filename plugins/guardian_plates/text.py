"""Finds and reads text: PP-OCR's two networks (DB for where, CTC for what) from the package rapidocr, run by OpenVINO.

The package's own code is not run: it would fetch what it misses. Pre- and post-processing are those of the published papers
(DB: Liao et al., 2020; CTC's best path: Graves et al., 2006), with the numbers that PP-OCR was trained with.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import openvino as ov
from numpy.typing import NDArray

from guardian.sdk import BadSetting

WHERE, WHAT = "models/PP-OCRv6_det_small.onnx", "models/PP-OCRv6_rec_small.onnx"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, in the order of the channels as they come
SIDE = 640  # a crop's longer side for the search; a multiple of 32
INK, SURE = 0.3, 0.5  # a pixel's and a region's least probability of being text
GROW = 1.6  # DB finds text shrunk: area * ratio / circumference outwards
LINE = 48
MOST_LINES = 8

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text, with the mean certainty of its characters, and its height in the picture."""

    text: str
    score: float
    height: float


class TextReader:
    """Both networks, loaded."""

    def __init__(self) -> None:
        folder = _folder()
        core = ov.Core()
        options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": 1}  # it must not crowd out the detector
        self._where: Any = core.compile_model(core.read_model(str(folder / WHERE)), "CPU", options)
        model = core.read_model(str(folder / WHAT))
        self._letters = ["", *model.get_rt_info(["framework", "character"]).value.split("\n"), " "]  # CTC's blank is first
        self._what: Any = core.compile_model(model, "CPU", options)

    def read(self, picture: Picture) -> list[Line]:
        """Return the lines of text in a picture (blue, green, red), the largest first."""
        quads = sorted(self._find(picture), key=lambda quad: -_area(quad))[:MOST_LINES]
        return [self._read(_flat(picture, quad)) for quad in quads]

    def _find(self, picture: Picture) -> list[NDArray[np.float32]]:
        height, width = picture.shape[:2]
        scale = SIDE / max(height, width)
        size = tuple(max(32, round(side * scale / 32) * 32) for side in (width, height))
        scaled = cv2.resize(picture, size).astype(np.float32) / 255
        tensor = ((scaled - np.array(MEAN, np.float32)) / np.array(STD, np.float32)).transpose(2, 0, 1)[None]
        heat = self._where(tensor)[0][0, 0]
        contours, _ = cv2.findContours((heat > INK).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
        found = []
        for contour in contours:
            centre, (w, h), angle = cv2.minAreaRect(contour)
            if min(w, h) < 3:
                continue
            inside = np.zeros(heat.shape, np.uint8)
            cv2.fillPoly(inside, [contour], 1)
            if float(heat[inside > 0].mean()) < SURE:
                continue
            out = w * h * GROW / (2 * (w + h))
            corners = cv2.boxPoints((centre, (w + 2 * out, h + 2 * out), angle))
            found.append((corners * np.array([width / size[0], height / size[1]])).astype(np.float32))
        return found

    def _read(self, line: Picture) -> Line:
        wide = max(LINE, min(960, round(line.shape[1] * LINE / line.shape[0])))
        scaled = cv2.resize(line, (wide, LINE)).astype(np.float32) / 127.5 - 1
        rows = self._what(scaled.transpose(2, 0, 1)[None])[0][0]
        best = rows.argmax(axis=1)
        keep = (best != 0) & (best != np.concatenate(([0], best[:-1])))
        scores = rows.max(axis=1)[keep]
        text = "".join(self._letters[index] for index in best[keep] if index < len(self._letters))
        return Line(text, float(scores.mean()) if len(scores) else 0.0, float(line.shape[0]))


def _area(quad: NDArray[np.float32]) -> float:
    return float(cv2.contourArea(quad))


def _flat(picture: Picture, quad: NDArray[np.float32]) -> Picture:
    """Cut a tilted rectangle out of a picture so that its text stands upright."""
    total, difference = quad.sum(axis=1), np.diff(quad, axis=1)[:, 0]
    ordered = quad[[int(total.argmin()), int(difference.argmin()), int(total.argmax()), int(difference.argmax())]]
    width = max(2, round(float(np.linalg.norm(ordered[1] - ordered[0]))))
    height = max(2, round(float(np.linalg.norm(ordered[3] - ordered[0]))))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    flat: Picture = cv2.warpPerspective(
        picture, cv2.getPerspectiveTransform(ordered, target), (width, height), borderMode=cv2.BORDER_REPLICATE
    )
    return flat


def _folder() -> Path:
    spec = importlib.util.find_spec("rapidocr")
    folder = Path(spec.origin).parent if spec is not None and spec.origin else Path()
    for name in (WHERE, WHAT):
        if not (folder / name).is_file():
            raise BadSetting(
                f"the installed rapidocr holds no {name}",
                cure="pip install 'private-ai-guardian[plates]' in its newest version",
            )
    return folder
