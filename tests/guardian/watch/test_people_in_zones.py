"""The first visits of the footage, with a zone, a line and rules: what happens is told, and visits stay visits."""

import pytest

from guardian.detect.client import LocalInference
from guardian.settings.schema import DetectSettings
from tests.support.detectors import engine, shared
from tests.support.watched import six_visits, watch

pytestmark = pytest.mark.timeout(400)  # a minute of two cores, more on a machine that is busy

ROOM = [[0.02, 0.5], [0.98, 0.5], [0.98, 1.0], [0.02, 1.0]]  # of the floor everything but its sides


def settings(**detect):
    return DetectSettings.model_validate(detect)


@pytest.fixture(scope="module")
def inference():
    return LocalInference(engine("default", "openvino"))


def test_visits_stay_the_same_and_say_what_happened(inference):
    rules = settings(
        zones={"room": {"points": ROOM, "loiter_s": 5}},
        lines={"middle": {"points": [[0.75, 0.3], [0.75, 1.0]]}},
        rules={"person": {"min_area": 0.01, "min_frames": 3}},
        require_zone=True,
    )
    watched = watch(shared("footage/people.mp4"), inference, rules, until_s=48)
    six_visits(watched, 2)
    for event in watched.events:
        whats = [one.what.value for one in event.happenings if one.zone == "room"]
        assert whats[:1] == ["enter"], event.happenings
        assert whats.count("enter") == whats.count("leave") == 1, "it does not flap"
        assert whats.count("loiter") == 1
        times = [one.utc_us for one in event.happenings]
        assert times == sorted(times)
        assert all(event.start_us <= at <= event.end_us for at in times)
