"""Each family's arithmetic on outputs made by hand: one thing at a known place must come out there."""

import numpy as np
import pytest

from guardian.detect.anchors import grid, ssd_anchors
from guardian.detect.families import FAMILIES
from guardian.interfaces import ModelSpec
from guardian.model.errors import BadSetting

LABELS = ("person", "cat", "dog")
CORNERS = (0.25, 0.5, 0.5, 0.75)  # x1, y1, x2, y2


def near(*corners):
    return pytest.approx(corners, abs=1e-3)


BOX = near(*CORNERS)


def spec(family, width=320, height=320, labels=LABELS):
    return ModelSpec("test", "test.onnx", family, width, height, labels, 0.4)


def found(family, outputs, the_spec=None, floor=0.3):
    the_spec = the_spec or spec(family)
    candidates = FAMILIES[family].decode([np.asarray(o, np.float32) for o in outputs], the_spec, floor)
    assert len(candidates.boxes) == len(candidates.scores) == len(candidates.classes)
    return [
        (the_spec.labels[c], round(float(s), 3), tuple(map(float, b)))
        for c, s, b in zip(candidates.classes, candidates.scores, candidates.boxes, strict=True)
    ]


def logit(p):
    return float(np.log(p / (1 - p)))


class TestYolo:
    def rows(self, objectness=None, size=(320, 320)):
        w, h = size
        data = np.zeros((20, 4 + (objectness is not None) + 3), np.float32)
        data[7, :4] = (0.375 * w, 0.625 * h, 0.25 * w, 0.25 * h)
        if objectness is not None:
            data[7, 4] = objectness
        data[7, -2] = 0.8
        return data

    def test_v8_as_exported_classes_first(self):
        assert found("yolo", [self.rows().T[None]]) == [("cat", 0.8, BOX)]

    def test_v8_transposed(self):
        assert found("yolo", [self.rows()[None]]) == [("cat", 0.8, BOX)]

    def test_without_a_batch_axis(self):
        assert found("yolo", [self.rows()]) == [("cat", 0.8, BOX)]

    def test_v5_multiplies_objectness(self):
        assert found("yolo", [self.rows(objectness=0.5)[None]]) == [("cat", 0.4, BOX)]

    def test_v5_transposed(self):
        assert found("yolo", [self.rows(objectness=0.5).T[None]]) == [("cat", 0.4, BOX)]

    def test_v5_weak_objectness_falls(self):
        assert found("yolo", [self.rows(objectness=0.2)[None]]) == []

    def test_input_that_is_not_square(self):
        assert found("yolo", [self.rows(size=(640, 384)).T[None]], spec("yolo", 640, 384)) == [("cat", 0.8, BOX)]


def test_yolox_adds_the_cell_and_takes_exp():
    cells, steps = grid(320, 320, (8, 16, 32))
    row = 1600 + 5 * 20 + 7  # stride 16, row 5, column 7
    assert cells[row].tolist() == [7, 5]
    assert steps[row] == 16
    data = np.zeros((1, 2100, 8), np.float32)
    data[0, row] = (0.5, 0.25, np.log(5), np.log(5), 0.9, 0.1, 0.2, 0.5)
    cx, cy = 7.5 * 16 / 320, 5.25 * 16 / 320
    assert found("yolox", [data]) == [("dog", 0.45, near(cx - 0.125, cy - 0.125, cx + 0.125, cy + 0.125))]


def test_nanodet_takes_the_mean_of_the_bins():
    sizes = (1600, 400, 100)
    scores = [np.zeros((1, n, 3), np.float32) for n in sizes]
    bins = [np.zeros((1, n, 32), np.float32) for n in sizes]
    scores[1][0, 5 * 20 + 7, 0] = 0.7  # stride 16, row 5, column 7
    for side, distance in enumerate((1, 2, 3, 4)):
        bins[1][0, 5 * 20 + 7, side * 8 + distance] = 50
    cx, cy = (7 * 16 + 7.5) / 320, (5 * 16 + 7.5) / 320
    box = near(cx - 0.05, cy - 0.1, cx + 0.15, cy + 0.2)
    for outputs in ([*scores, *bins], [*bins, *scores], [bins[2], scores[0], bins[0], scores[2], scores[1], bins[1]]):
        assert found("nanodet", outputs) == [("person", 0.7, box)]


def test_ssd_decodes_offsets_to_its_anchors_in_either_order():
    labels = ("???", "person", "cat")
    boxes, scores = np.zeros((1, 1917, 4), np.float32), np.full((1, 1917, 3), -9, np.float32)
    scores[0, :, 0] = 9  # the background never counts
    row = 1200
    cx, cy, w, h = ssd_anchors(300, 300)[row]
    boxes[0, row] = (1.0, -1.0, 5 * np.log(2), 5 * np.log(0.5))  # ty, tx, th, tw
    scores[0, row, 2] = logit(0.6)
    x, y, w, h = cx - 0.1 * w, cy + 0.1 * h, w / 2, h * 2
    expected = [("cat", 0.6, near(x - w / 2, y - h / 2, x + w / 2, y + h / 2))]
    the_spec = spec("ssd", 300, 300, labels)
    assert found("ssd", [boxes, scores], the_spec) == expected
    assert found("ssd", [scores, boxes], the_spec) == expected


def test_tflite_ssd_uses_the_anchors_that_came_with_it():
    labels = ("background", "person")
    boxes, scores = np.zeros((1, 2, 4), np.float32), np.array([[[0.9, 0.1], [0.3, 0.7]]], np.float32)
    anchors = np.array([[0.5, 0.5, 0.1, 0.1], [0.625, 0.375, 0.25, 0.25]], np.float32)  # cy, cx, h, w
    assert found("tflite_ssd", [boxes, scores, anchors], spec("tflite_ssd", 300, 300, labels)) == [("person", 0.7, BOX)]


def test_fastestdet_weighs_objectness_and_class():
    data = np.zeros((1, 8, 10, 10), np.float32)
    data[0, :, 6, 3] = (0.8, np.arctanh(0.75), np.arctanh(0.25), logit(0.25), logit(0.25), 0.1, 0.1, 0.5)
    assert found("fastestdet", [data]) == [("dog", round(0.8**0.6 * 0.5**0.4, 3), BOX)]


def test_omz_list_ends_at_minus_one():
    rows = np.zeros((1, 1, 4, 7), np.float32)
    rows[0, 0, 0] = (0, 1, 0.9, *CORNERS)
    rows[0, 0, 1] = (0, 2, 0.1, *CORNERS)  # too weak
    rows[0, 0, 2] = (-1, 0, 0, 0, 0, 0, 0)
    rows[0, 0, 3] = (0, 0, 0.9, *CORNERS)  # left over in the buffer
    assert found("omz_ssd", [rows]) == [("cat", 0.9, BOX)]


def test_omz_class_out_of_the_labels_is_left_out():
    assert found("omz_ssd", [np.array([[[[0, 9, 0.9, *CORNERS]]]])]) == []


EMPTY = {
    "yolo": [np.zeros((1, 7, 2100))],
    "yolox": [np.zeros((1, 2100, 8))],
    "nanodet": [np.zeros((1, n, c)) for c in (3, 32) for n in (1600, 400, 100)],
    "ssd": [np.zeros((1, 2278, 4)), np.full((1, 2278, 3), -9.0)],
    "tflite_ssd": [np.zeros((1, 5, 4)), np.zeros((1, 5, 3)), np.zeros((1, 5, 4))],
    "fastestdet": [np.zeros((1, 8, 10, 10))],
    "omz_ssd": [np.full((1, 1, 5, 7), -1.0)],
    "detections": [np.zeros((0, 6))],
}


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_seen_is_nothing_found(family):
    if family == "ssd":
        EMPTY["ssd"] = [np.zeros((1, len(ssd_anchors(320, 320)), 4)), np.full((1, len(ssd_anchors(320, 320)), 3), -9.0)]
    assert found(family, EMPTY[family]) == []


@pytest.mark.parametrize("family", FAMILIES)
def test_outputs_of_another_family_are_refused_with_both_shapes(family):
    with pytest.raises(BadSetting, match=f"family {family} has .* gives 1×3×11"):
        found(family, [np.zeros((1, 3, 11))])
