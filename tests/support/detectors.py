"""Runtimes, real models and real pictures for detector tests; each that is missing skips its test, saying so."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import guardian_onnxruntime.runtime as onnx_runtime
import guardian_openvino.runtime as openvino_runtime
import numpy as np
import pytest

from guardian.detect.card import Card, spec_of
from guardian.detect.catalogue import Catalogue
from guardian.detect.engine import Engine, open_engine
from guardian.detect.letterbox import letterbox
from guardian.interfaces import DetectorKind, ModelSpec
from guardian.model.vision import Box, Detection

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
OPENVINO = DetectorKind(
    "openvino", "OpenVINO", 10, openvino_runtime.can_run, openvino_runtime.make, openvino_runtime.devices
)
ONNXRUNTIME = DetectorKind("onnxruntime", "ONNX Runtime", 20, onnx_runtime.can_run, onnx_runtime.make, onnx_runtime.devices)
RUNTIMES = {"openvino": OPENVINO, "onnxruntime": ONNXRUNTIME}
OMZ_LABELS = ("vehicle", "person", "bicycle")
CARDS = {
    "yolox_nano.onnx": Card(family="yolox", width=416, height=416),
    "nanodet_416.onnx": Card(family="nanodet", width=416, height=416),
    "yolov8n_320.onnx": Card(family="yolo", width=320, height=320),
    "fastestdet.onnx": Card(family="fastestdet", width=352, height=352),
    "coco_ssd_mobilenet_v1_1.0_quant.tflite": Card(
        family="tflite_ssd", width=300, height=300, labels="coco_ssd_mobilenet_v1_labelmap.txt"
    ),
    "omz/person-vehicle-bike-detection-2000-FP16-INT8.xml": Card(family="omz_ssd", width=256, height=256, labels=OMZ_LABELS),
    "omz/person-vehicle-bike-detection-2002-FP16-INT8.xml": Card(family="omz_ssd", width=512, height=512, labels=OMZ_LABELS),
}

# Read off the pictures by eye, in pixels.
TRUTH = {
    ("dog.jpg", "dog"): (133, 222, 310, 541),
    ("dog.jpg", "bicycle"): (126, 135, 566, 420),
    ("dog.jpg", "car"): (467, 75, 690, 170),
    ("pets.jpg", "dog"): (107, 6, 260, 294),
    ("pets.jpg", "dog 2"): (345, 164, 494, 365),
    ("cat_720p.jpg", "cat"): (115, 78, 907, 720),
    ("people.mp4@12", "person"): (384, 14, 514, 393),
}


def shared(name: str) -> Path:
    """Return a file of the test data, or skip."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"test data {name} is not here")
    return path


@lru_cache(maxsize=8)
def picture(name: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return a picture, or the frame of a video at a second (`people.mp4@12`), as BGR."""
    file, _, second = name.partition("@")
    if not second:
        return cv2.imread(str(shared(f"images/{file}")))
    import av

    with av.open(str(shared(f"footage/{file}"))) as container:
        container.seek(int(float(second) * 1e6))
        for frame in container.decode(video=0):
            if frame.time >= float(second):
                return frame.to_ndarray(format="bgr24")
    raise AssertionError(f"{file} is shorter than {second} s")


def spec(model: str) -> ModelSpec:
    """Return the model of that file among the test data, or the embedded one."""
    if model == "default":
        return Catalogue(Path("/nowhere")).find("default")
    return spec_of(CARDS[model], shared(f"models/{model}"), model)


@lru_cache(maxsize=4)
def engine(model: str, runtime: str) -> Engine:
    """Return a loaded model."""
    return open_engine(spec(model), [RUNTIMES[runtime]])


def look(engine: Engine, name: str) -> list[Detection]:
    """Return what an engine believes to see in a picture, boxes relative to it."""
    image, ready = picture(name), engine.ready
    image = image if ready.colour == "bgr" else np.ascontiguousarray(image[..., ::-1])
    boxed, placed = letterbox(image, ready.width, ready.height, ready.pad)
    found = engine.detect(boxed[None])[0]
    return [Detection(d.label, d.score, placed.to_source(d.box)) for d in found if d.score >= ready.threshold]


def truth(name: str, label: str) -> Box:
    """Return what the eye sees."""
    height, width = picture(name).shape[:2]
    x1, y1, x2, y2 = TRUTH[name, label]
    return Box(x1 / width, y1 / height, x2 / width, y2 / height)


class FakeDetector:
    """A detector that gives prepared raw outputs, and remembers what it was shown."""

    parallel = 1
    device = "FAKE"

    def __init__(self, outputs: list[np.ndarray[Any, np.dtype[np.float32]]] | Exception) -> None:
        self.outputs, self.seen, self.closed = outputs, [], False

    def infer(self, batch: Any) -> Any:
        self.seen.append(batch.copy())
        if isinstance(self.outputs, Exception):
            raise self.outputs
        return [self.outputs for _ in batch]

    def close(self) -> None:
        self.closed = True


def fake_kind(name: str, outputs: Any, reason: str = "", rank: int = 50) -> DetectorKind:
    """A runtime whose detectors are fakes."""
    return DetectorKind(
        name, name.title(), rank, lambda _: reason, lambda _spec, _device: FakeDetector(outputs), lambda: ("FAKE",)
    )
