"""Plates are read from pictures of vehicles, by the real models; what is no plate is none."""

import cv2
import numpy as np
import pytest

pytest.importorskip("rapidocr", reason="the extra [plates] is not installed")
from guardian_plates.config import PlatesConfig
from guardian_plates.plates import Plates

from guardian.sdk import Attribute


@pytest.fixture(scope="module")
def plates():
    return Plates(PlatesConfig(known={"KL 482-XR": "Anna"}))


def car(text, tilt=0.0, noise=6.0, height=34):
    """The back of a car with a plate of that text."""
    picture = np.full((360, 480, 3), (120, 60, 40), np.uint8)
    cv2.rectangle(picture, (60, 30), (420, 150), (60, 60, 55), -1)
    cv2.rectangle(picture, (30, 190), (110, 240), (30, 30, 200), -1)
    cv2.rectangle(picture, (370, 190), (450, 240), (30, 30, 200), -1)
    scale = height / 34
    (w, h), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 2)
    left, base = 240 - w // 2, 280
    cv2.rectangle(picture, (left - 12, base - h - 10), (left + w + 12, base + 12), (245, 245, 245), -1)
    cv2.putText(picture, text, (left, base), cv2.FONT_HERSHEY_SIMPLEX, scale, (10, 10, 10), 2, cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((240, 270), tilt, 1.0)
    picture = cv2.warpAffine(picture, turn, (480, 360), borderMode=cv2.BORDER_REPLICATE)
    noisy = picture + np.random.default_rng(1).normal(0, noise, picture.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("text", ["KL 482 XR", "B AF 7731", "WN52 GHK", "3TRK 965"])
@pytest.mark.parametrize("tilt", [0.0, 7.0])
def test_a_plate_is_read(plates, text, tilt):
    (plate,) = plates.classify(car(text, tilt), "car").attributes
    assert (plate.name, plate.value) == ("plate", text.replace(" ", ""))
    assert plate.score > 0.75


def test_a_known_plate_has_its_name(plates):
    said = plates.classify(car("KL 482 XR"), "car")
    assert said.sub_label == "Anna"
    assert said.attributes == (Attribute("plate", "KL482XR", said.attributes[0].score),)


@pytest.mark.parametrize("text", ["TAXI", "12", "DELIVERIES SINCE 1987 BY US"])
def test_other_writing_is_no_plate(plates, text):
    assert plates.classify(car(text, height=24), "car").attributes == ()


def test_a_car_without_a_plate_and_one_too_small(plates):
    assert plates.classify(np.full((200, 300, 3), 90, np.uint8), "car").attributes == ()
    assert plates.classify(cv2.resize(car("KL 482 XR"), (60, 45)), "car").attributes == ()


def test_a_pattern_that_is_none_is_refused():
    with pytest.raises(ValueError, match="no regular expression"):
        PlatesConfig(pattern="(")
