"""Colours by name, of paint and of figures; nothing is said of night, smudges and mixtures."""

import cv2
import numpy as np
import pytest
from guardian_colours.colours import Colours, name_of

from guardian.sdk import Classification

PAINT = {  # blue, green, red
    "red": [(0, 0, 200), (40, 40, 170), (20, 20, 120), (60, 20, 220)],
    "orange": [(0, 120, 255), (30, 140, 230)],
    "yellow": [(0, 220, 250), (40, 200, 230)],
    "green": [(0, 160, 0), (60, 110, 50), (90, 200, 120)],
    "blue": [(200, 60, 20), (120, 60, 30), (230, 160, 90), (150, 90, 60)],
    "purple": [(130, 0, 130), (160, 50, 110)],
    "pink": [(180, 105, 255), (193, 182, 255)],
    "brown": [(19, 69, 139), (33, 67, 101)],
    "beige": [(160, 190, 210)],
    "black": [(10, 10, 10), (35, 30, 32), (45, 35, 30)],
    "white": [(250, 250, 250), (225, 230, 235)],
    "grey": [(128, 128, 128), (150, 145, 140), (90, 92, 95)],
}


def lab(colour, size=(40, 40)):
    picture = np.full((*size, 3), colour, np.float32) / 255
    return cv2.cvtColor(picture, cv2.COLOR_BGR2LAB)


@pytest.mark.parametrize(("name", "colour"), [(name, colour) for name, colours in PAINT.items() for colour in colours])
def test_paint_has_its_name(name, colour):
    assert name_of(lab(colour)) == (name, 1.0)


def figure(upper, lower, size=(300, 120), seed=1):
    """A person before a hedge: head, upper body, legs, with shading and a camera's noise."""
    rng = np.random.default_rng(seed)
    picture = np.full((*size, 3), (60, 110, 50), np.float32)
    h, w = size
    for top, bottom, left, right, colour in (
        (0.02, 0.15, 0.38, 0.62, (140, 170, 220)),
        (0.15, 0.52, 0.25, 0.75, upper),
        (0.52, 0.97, 0.30, 0.70, lower),
    ):
        part = picture[round(top * h) : round(bottom * h), round(left * w) : round(right * w)]
        part[:] = np.asarray(colour, np.float32) * np.linspace(0.8, 1.1, part.shape[1])[None, :, None]
    return np.clip(picture + rng.normal(0, 8, picture.shape), 0, 255).astype(np.uint8)


def said(picture, label="person"):
    return {one.name: one.value for one in Colours().classify(picture, label).attributes}


def test_a_person_has_an_upper_and_a_lower_colour():
    assert said(figure((30, 30, 180), (140, 70, 30))) == {"upper colour": "red", "lower colour": "blue"}
    assert said(figure((235, 235, 235), (25, 25, 25))) == {"upper colour": "white", "lower colour": "black"}


def test_of_a_person_cut_off_only_the_upper_colour_is_said():
    assert said(figure((30, 30, 180), (30, 30, 180))[:180]) == {"upper colour": "red"}


def test_a_car_has_one_colour():
    car = np.full((100, 200, 3), (120, 120, 120), np.uint8)
    car[40:75, 10:190] = (180, 60, 20)
    assert said(car, "car") == {"colour": "blue"}


def test_under_infrared_light_nothing_is_said():
    grey = cv2.cvtColor(cv2.cvtColor(figure((30, 30, 180), (140, 70, 30)), cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    assert Colours().classify(grey, "person") == Classification()


def test_of_a_smudge_and_of_a_mixture_nothing_is_said():
    assert said(figure((30, 30, 180), (140, 70, 30), size=(16, 6))) == {}
    rng = np.random.default_rng(3)
    patches = rng.choice(np.array([(0, 0, 200), (0, 160, 0), (200, 60, 20), (250, 250, 250)], np.uint8), (30, 12))
    assert "upper colour" not in said(np.kron(patches, np.ones((10, 10, 1), np.uint8)))
