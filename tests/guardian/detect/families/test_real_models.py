"""Every family with real weights on real pictures: right label, and a box that overlaps what the eye sees by more than half."""

import pytest

from tests.support.detectors import CARDS, engine, look, truth

ONNX = [model for model in ("default", *CARDS) if model == "default" or model.endswith(".onnx")]
WITH_PETS = [(model, runtime) for model in ONNX for runtime in ("openvino", "onnxruntime")]
WITH_PETS.append(("coco_ssd_mobilenet_v1_1.0_quant.tflite", "openvino"))
OMZ = [(model, "openvino") for model in CARDS if model.startswith("omz/")]


def finds(model, runtime, name, label):
    """True when the label is found on the thing."""
    wanted = truth(name, label)
    word = label.split()[0]
    return any(d.label == word and d.box.iou(wanted) > 0.5 for d in look(engine(model, runtime), name))


@pytest.mark.parametrize(("model", "runtime"), WITH_PETS)
def test_finds_dogs_a_cat_and_a_bicycle(model, runtime):
    assert finds(model, runtime, "pets.jpg", "dog")
    assert finds(model, runtime, "pets.jpg", "dog 2")
    assert finds(model, runtime, "cat_720p.jpg", "cat")
    assert finds(model, runtime, "dog.jpg", "bicycle")


@pytest.mark.parametrize(("model", "runtime"), [*WITH_PETS, *OMZ])
def test_finds_the_person_in_the_footage(model, runtime):
    assert finds(model, runtime, "people.mp4@12", "person")
    people = [d for d in look(engine(model, runtime), "people.mp4@12") if d.label == "person"]
    assert len(people) == 1


@pytest.mark.parametrize(
    ("model", "runtime"), [pair for pair in WITH_PETS if pair[0] in ("default", "yolov8n_320.onnx", "yolox_nano.onnx")]
)
def test_finds_dog_and_car_beside_the_bicycle(model, runtime):
    assert finds(model, runtime, "dog.jpg", "dog")
    assert finds(model, runtime, "dog.jpg", "car")


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_the_embedded_model_says_nothing_else(runtime):
    """One label a thing: the car is not a vehicle too, and no shoe or table is reported."""
    seen = sorted(d.label for d in look(engine("default", runtime), "dog.jpg"))
    assert seen == ["bicycle", "car", "dog"]
    assert [d.label for d in look(engine("default", runtime), "people.mp4@12")] == ["person"]
    assert look(engine("default", runtime), "people.mp4@2") == []  # an empty room
