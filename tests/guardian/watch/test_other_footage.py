"""Sensible results on footage the rules were not made on: a busy yard, and pictures of pets."""

import av
import cv2
import pytest

from guardian.detect.client import LocalInference
from tests.support.detectors import engine, shared
from tests.support.watched import still, watch_frames


@pytest.fixture(scope="module")
def inference():
    return LocalInference(engine("default", "openvino"))


def test_a_yard_with_parked_cars_gives_people_only(inference):
    with av.open(str(shared("footage/pets09.avi"))) as container:
        frames = (frame for index, frame in enumerate(container.decode(video=0)) if index < 300)
        watched = watch_frames(frames, inference)
    labels = [event.label for event in watched.events]
    assert set(labels) == {"person"}
    assert 8 <= len(labels) <= 20  # 14 people are there in these 30 s, by the ground truth, and cross each other


@pytest.mark.parametrize(("name", "kinds"), [("cat_720p.jpg", {"cat"}), ("pets.jpg", {"cat", "dog"}), ("dog.jpg", {"dog"})])
def test_what_is_there_at_the_start_is_found(inference, name, kinds):
    watched = watch_frames(still(cv2.imread(str(shared(f"images/{name}"))), 8.0), inference, 5.0)
    labels = {event.label for event in watched.events}
    assert labels
    assert labels <= kinds  # the parked truck and the bicycle beside the dog are no events: they do not move
