"""Each family against a reference of its own: the same weights run by the bare runtime on floats, decoded one row at a time in
plain Python from the authors' description, greedy suppression by the book. Box by box within a pixel of the network's input.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from guardian.detect.engine import Engine, open_engine
from guardian.detect.families import FAMILIES
from guardian.detect.letterbox import letterbox
from guardian.interfaces import ModelSpec
from tests.support.detectors import ONNXRUNTIME, OPENVINO, picture, spec

PICTURES = ("dog.jpg", "pets.jpg", "cat_720p.jpg", "people.mp4@12", "pets09.avi@20")
F32 = (("precision", "f32"),)


def boxed(name: str, the_spec: ModelSpec, colour: str, pad: int) -> np.ndarray:
    image = picture(name)
    image = image if colour == "bgr" else np.ascontiguousarray(image[..., ::-1])
    return letterbox(image, the_spec.width, the_spec.height, pad)[0]


def exactly(model: str) -> ModelSpec:
    """The model in exact arithmetic: two runtimes differ otherwise by more than what is looked for."""
    found = spec(model)
    kept = tuple(item for item in found.options if item[0] not in ("precision", "same"))
    return replace(found, options=kept + F32, keep=frozenset())


# the bare runtimes


def run_onnx(path: str, blob: np.ndarray) -> list[np.ndarray]:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: blob})


def run_openvino(path: str, blob: np.ndarray) -> list[np.ndarray]:
    import openvino

    core = openvino.Core()
    compiled = core.compile_model(core.read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    result = compiled([blob.astype(np.float32)])
    return [result[output] for output in compiled.outputs]


def planes(image: np.ndarray) -> np.ndarray:
    return image.astype(np.float32).transpose(2, 0, 1)[None]


# decoders, a row at a time: (class, score, x1, y1, x2, y2) in pixels of the input


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def yolov8(image, the_spec):
    (output,) = run_onnx(the_spec.path, planes(image) / 255)
    for column in output[0].T:
        best = int(np.argmax(column[4:]))
        cx, cy, w, h = map(float, column[:4])
        yield best, float(column[4 + best]), cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2


def yolox(image, the_spec):
    (output,) = run_onnx(the_spec.path, planes(image))
    row = 0
    for stride in (8, 16, 32):
        for gy in range(the_spec.height // stride):
            for gx in range(the_spec.width // stride):
                x, y, w, h, there, *classes = output[0][row].tolist()
                row += 1
                best = max(range(len(classes)), key=classes.__getitem__)
                cx, cy, w, h = (x + gx) * stride, (y + gy) * stride, math.exp(w) * stride, math.exp(h) * stride
                yield best, there * classes[best], cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2


def nanodet(image, the_spec):
    mean, scale = np.float32([103.53, 116.28, 123.675]), np.float32([57.375, 57.12, 58.395])
    outputs = [output.reshape(-1, output.shape[-1]) for output in run_onnx(the_spec.path, planes((image - mean) / scale))]
    for stride in (8, 16, 32):
        columns, rows = math.ceil(the_spec.width / stride), math.ceil(the_spec.height / stride)
        scores = next(o for o in outputs if o.shape == (rows * columns, 80))
        bins = next(o for o in outputs if len(o) == rows * columns and o.shape[1] != 80)
        for place in range(rows * columns):
            best = int(np.argmax(scores[place]))
            if scores[place, best] < 0.1:
                continue
            sides = []
            for side in bins[place].reshape(4, -1).tolist():
                weights = [math.exp(value - max(side)) for value in side]
                sides.append(stride * sum(i * w for i, w in enumerate(weights)) / sum(weights))
            x, y = place % columns * stride + (stride - 1) / 2, place // columns * stride + (stride - 1) / 2
            yield best, float(scores[place, best]), x - sides[0], y - sides[1], x + sides[2], y + sides[3]


def fastestdet(image, the_spec):
    (output,) = run_onnx(the_spec.path, planes(image) / 255)
    _, _, rows, columns = output.shape
    for gy in range(rows):
        for gx in range(columns):
            there, tx, ty, tw, th, *classes = output[0, :, gy, gx].tolist()
            best = max(range(len(classes)), key=classes.__getitem__)
            cx, cy = (gx + math.tanh(tx)) / columns * the_spec.width, (gy + math.tanh(ty)) / rows * the_spec.height
            w, h = sigmoid(tw) * the_spec.width, sigmoid(th) * the_spec.height
            yield best, max(0, there) ** 0.6 * max(0, classes[best]) ** 0.4, cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2


def ssd_anchors(width, height):
    """TensorFlow object detection API, ssd_anchor_generator: min_scale .2, max_scale .95, 6 layers, reduced in the lowest."""
    scales = [0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.0]
    for layer, side in enumerate((19, 10, 5, 3, 2, 1)):
        pairs = [(scales[layer], ratio) for ratio in (1, 2, 1 / 2, 3, 1 / 3)] + [
            (math.sqrt(scales[layer] * scales[layer + 1]), 1)
        ]
        for y in range(side):
            for x in range(side):
                for scale, ratio in [(0.1, 1), (0.2, 2), (0.2, 1 / 2)] if layer == 0 else pairs:
                    yield (x + 0.5) / side, (y + 0.5) / side, scale * math.sqrt(ratio), scale / math.sqrt(ratio)


def ssd(image, the_spec):
    assert (the_spec.width, the_spec.height) == (300, 300)
    outputs = run_onnx(
        the_spec.path, planes(image / np.float32(127.5) - 1) if nchw(the_spec) else (image / np.float32(127.5) - 1)[None]
    )
    coded, logits = sorted((output.reshape(1917, -1) for output in outputs), key=lambda o: o.shape[1])
    for (ax, ay, aw, ah), (ty, tx, th, tw), row in zip(ssd_anchors(300, 300), coded.tolist(), logits.tolist(), strict=True):
        best = max(range(1, len(row)), key=row.__getitem__)
        cx, cy, w, h = ax + tx / 10 * aw, ay + ty / 10 * ah, aw * math.exp(tw / 5), ah * math.exp(th / 5)
        yield best, sigmoid(row[best]), *(300 * value for value in (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2))


def nchw(the_spec):
    import onnxruntime

    return onnxruntime.InferenceSession(the_spec.path).get_inputs()[0].shape[1] == 3


def omz(image, the_spec):
    (output,) = run_openvino(the_spec.path, planes(image))
    for number, label, score, x1, y1, x2, y2 in output.reshape(-1, 7).tolist():
        if number < 0:
            break
        yield (
            int(label),
            score,
            *(v * s for v, s in zip((x1, y1, x2, y2), (the_spec.width, the_spec.height) * 2, strict=True)),
        )


# suppression by the book, and the comparison


def overlap(a, b):
    w, h = min(a[4], b[4]) - max(a[2], b[2]), min(a[5], b[5]) - max(a[3], b[3])
    common = max(0, w) * max(0, h)
    return common / ((a[4] - a[2]) * (a[5] - a[3]) + (b[4] - b[2]) * (b[5] - b[3]) - common) if common else 0.0


def suppressed(rows, floor, iou, width, height):
    kept: list[tuple] = []
    clipped = (
        (c, s, *(min(max(v, 0), e) for v, e in zip(box, (width, height) * 2, strict=True)))
        for c, s, *box in rows
        if s >= floor
    )
    for one in sorted(clipped, key=lambda one: -one[1]):
        if all(one[0] != other[0] or overlap(one, other) <= iou for other in kept):
            kept.append(one)
    return kept


def same(engine: Engine, image: np.ndarray, rows, margin: float = 0.01) -> int:
    """Assert that engine and reference agree on all that is not within `margin` of the threshold; return how many there were."""
    the_spec, iou = engine.spec, float(engine.spec.option("iou", f"{FAMILIES[engine.spec.family].iou}"))
    width, height = the_spec.width, the_spec.height
    wanted = [(the_spec.labels[c], s, box) for c, s, *box in suppressed(rows, engine.floor, iou, width, height)]
    found = [
        (d.label, d.score, [d.box.x1 * width, d.box.y1 * height, d.box.x2 * width, d.box.y2 * height])
        for d in engine.detect(image[None])[0]
    ]
    for mine, theirs in ((found, wanted), (wanted, found)):
        for label, score, box in mine:
            near = [
                other
                for other in theirs
                if other[0] == label
                and abs(other[1] - score) < margin
                and max(abs(a - b) for a, b in zip(other[2], box, strict=True)) <= 1.0
            ]
            assert near or score < engine.floor + margin, (label, score, box, theirs)
    return len([one for one in wanted if one[1] >= the_spec.threshold])


CASES = {
    "default": (ssd, ONNXRUNTIME),
    "yolov8n_320.onnx": (yolov8, ONNXRUNTIME),
    "yolox_nano.onnx": (yolox, ONNXRUNTIME),
    "nanodet_416.onnx": (nanodet, ONNXRUNTIME),
    "fastestdet.onnx": (fastestdet, ONNXRUNTIME),
    "omz/person-vehicle-bike-detection-2000-FP16-INT8.xml": (omz, OPENVINO),
    "omz/person-vehicle-bike-detection-2002-FP16-INT8.xml": (omz, OPENVINO),
}


@pytest.mark.parametrize("model", CASES)
def test_box_by_box(model):
    reference, runtime = CASES[model]
    engine = open_engine(exactly(model), [runtime])
    seen = 0
    for name in PICTURES:
        image = boxed(name, engine.spec, engine.ready.colour, engine.ready.pad)
        seen += same(engine, image, reference(image, engine.spec))
    assert seen >= 4, "nothing was compared"
    engine.close()


def test_openvino_gives_the_same_boxes_in_exact_arithmetic():
    engine = open_engine(exactly("default"), [OPENVINO])
    for name in PICTURES[:3]:
        image = boxed(name, engine.spec, engine.ready.colour, engine.ready.pad)
        assert same(engine, image, ssd(image, engine.spec)) >= 1
    engine.close()


def test_tflite_post_processing_as_its_kernel_describes_it():
    """TFLite_Detection_PostProcess (tensorflow/lite/kernels/detection_postprocess.cc): anchors and boxes as y, x, h, w, scales
    10, 10, 5, 5, class 0 the background. What goes into it comes from the runtime: no other one here reads these files."""
    engine = open_engine(exactly("coco_ssd_mobilenet_v1_1.0_quant.tflite"), [OPENVINO])

    def rows(image):
        boxes, scores, anchors = (np.squeeze(output).tolist() for output in engine.detector.infer(image[None])[0])
        for (ty, tx, th, tw), row, (ay, ax, ah, aw) in zip(boxes, scores, anchors, strict=True):
            best = max(range(1, len(row)), key=row.__getitem__)
            cy, cx, h, w = ty / 10 * ah + ay, tx / 10 * aw + ax, math.exp(th / 5) * ah, math.exp(tw / 5) * aw
            yield best, row[best], *(300 * value for value in (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2))

    for name in PICTURES[:3]:
        image = boxed(name, engine.spec, "rgb", engine.ready.pad)
        assert same(engine, image, rows(image)) >= 1
    engine.close()


def test_a_v5_layout_says_what_the_same_v8_outputs_say():
    """v9 and v11 have v8's layout; v5 has objectness between box and classes, and rows instead of columns."""
    the_spec = exactly("yolov8n_320.onnx")
    image = boxed("dog.jpg", the_spec, "rgb", 114)
    (v8,) = run_onnx(the_spec.path, planes(image) / 255)
    rows = v8[0].T
    objectness = np.sqrt(rows[:, 4:].max(axis=1, keepdims=True))
    v5 = np.concatenate([rows[:, :4], objectness, rows[:, 4:] / np.maximum(objectness, 1e-9)], axis=1)[None]
    one, other = (FAMILIES["yolo"].decode([output], the_spec, 0.2) for output in (v8, v5.astype(np.float32)))
    assert len(one.scores) > 3
    assert np.allclose(one.boxes, other.boxes, atol=1e-6)
    assert np.allclose(one.scores, other.scores, atol=1e-5)
    assert (one.classes == other.classes).all()
