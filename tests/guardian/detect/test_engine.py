"""The engine: labels, floors, one label a thing, and falling back from runtime to runtime."""

import numpy as np
import pytest

from guardian.detect.engine import Engine, open_engine
from guardian.interfaces import ModelSpec
from guardian.model.errors import BadSetting, ServiceUnavailable
from tests.support.detectors import FakeDetector, fake_kind

LABELS = ("person", "car", "vehicle", "shoe")
SPEC = ModelSpec(
    "test",
    "test.onnx",
    "yolo",
    100,
    100,
    LABELS,
    0.4,
    frozenset(LABELS[:3]),
    (("same", "car,vehicle"), ("colour", "bgr"), ("pad", "7")),
)
BLANK = np.zeros((1, 100, 100, 3), np.uint8)


def rows(*things):
    data = np.zeros((1, max(20, len(things)), 8), np.float32)
    for row, (label, score, box) in zip(data[0], things, strict=False):
        row[:4] = box
        row[4 + LABELS.index(label)] = score
    return [data]


def found(*things):
    return [(d.label, d.score) for d in Engine(SPEC, FakeDetector(rows(*things)), "fake").detect(BLANK)[0]]


HERE, THERE = (50, 50, 20, 20), (20, 20, 10, 10)


def test_best_first_and_only_kept_labels():
    assert found(("person", 0.5, HERE), ("shoe", 0.9, THERE), ("car", 0.8, THERE)) == [("car", 0.8), ("person", 0.5)]


def test_one_thing_has_one_label():
    assert found(("car", 0.5, HERE), ("vehicle", 0.7, HERE)) == [("vehicle", 0.7)]
    assert found(("car", 0.5, HERE), ("person", 0.7, HERE)) == [("person", 0.7), ("car", 0.5)]


def test_weak_ones_are_reported_down_to_half_the_threshold():
    assert found(("person", 0.3, HERE), ("car", 0.19, THERE)) == [("person", 0.3)]


def test_boxes_are_cut_at_the_picture_and_broken_ones_left_out():
    engine = Engine(SPEC, FakeDetector(rows(("person", 0.9, (0, 50, 40, 200)), ("car", 0.9, (np.nan, 1, 1, 1)))), "fake")
    [detection] = engine.detect(BLANK)[0]
    assert (detection.box.x1, detection.box.y1, detection.box.x2, detection.box.y2) == pytest.approx((0, 0, 0.2, 1))


def test_one_answer_a_picture():
    engine = Engine(SPEC, FakeDetector(rows(("person", 0.9, HERE))), "fake")
    assert [len(answer) for answer in engine.detect(np.zeros((3, 100, 100, 3), np.uint8))] == [1, 1, 1]


def test_ready_says_what_cameras_must_know():
    ready = Engine(SPEC, FakeDetector(rows()), "fake").ready
    assert (ready.width, ready.height, ready.colour, ready.pad, ready.threshold) == (100, 100, "bgr", 7, 0.4)
    assert (ready.model, ready.backend, ready.device, ready.labels) == ("test", "fake", "FAKE", LABELS[:3])


def test_first_runtime_that_can_is_used_and_tried_once():
    said = []
    engine = open_engine(SPEC, [fake_kind("first", rows()), fake_kind("second", rows())], say=said.append)
    assert engine.backend == "first"
    assert said == []
    assert engine.detector.seen[0].shape == (1, 100, 100, 3)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (fake_kind("first", rows(), reason="cannot do that"), "cannot do that"),
        (fake_kind("first", RuntimeError("no such layer\nand a hundred lines")), "RuntimeError: no such layer"),
        (fake_kind("first", [np.zeros((1, 3, 3), np.float32)]), "family yolo has"),
    ],
)
def test_falls_back_and_says_so_once(bad, why):
    said = []
    engine = open_engine(SPEC, [bad, fake_kind("second", rows())], say=said.append)
    assert engine.backend == "second"
    [text] = said
    assert why in text
    assert "Using Second instead" in text
    assert "hundred" not in text


def test_the_wished_runtime_comes_first():
    assert open_engine(SPEC, [fake_kind("first", rows()), fake_kind("second", rows())], backend="second").backend == "second"


def test_unknown_runtime_is_named():
    with pytest.raises(BadSetting, match="no runtime 'cuda'"):
        open_engine(SPEC, [fake_kind("first", rows())], backend="cuda")


@pytest.mark.parametrize("kinds", [[], [fake_kind("first", rows(), reason="cannot")]])
def test_none_that_can_says_how_to_get_one(kinds):
    with pytest.raises(ServiceUnavailable) as caught:
        open_engine(SPEC, kinds)
    assert "pip install" in caught.value.cure
    assert "Recording goes on" in caught.value.cure


def test_a_detector_that_fails_its_trial_is_closed():
    made = []
    kind = fake_kind("first", RuntimeError("boom"))
    kind = type(kind)(
        kind.name,
        kind.title,
        1,
        kind.can_run,
        lambda s, d: made.append(FakeDetector(RuntimeError("x"))) or made[0],
        kind.devices,
    )
    with pytest.raises(BadSetting, match="does not load"):
        open_engine(SPEC, [kind])
    assert made[0].closed
