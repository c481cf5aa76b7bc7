"""Six visits in the footage are six events, told once each."""

from itertools import pairwise

import pytest

from guardian.detect.client import LocalInference
from tests.support.detectors import engine, shared
from tests.support.watched import six_visits, watch

pytestmark = pytest.mark.timeout(400)  # a minute of two cores, more on a machine that is busy


@pytest.fixture(scope="module")
def inference():
    return LocalInference(engine("default", "openvino"))


@pytest.fixture(scope="module")
def people(inference):
    return watch(shared("footage/people.mp4"), inference)


def test_six_visits_are_six_events(people):
    six_visits(people)


def test_each_event_is_told_once_in_order(people):
    for event in people.events:
        told = [(at, report) for at, report in people.reports if report.event.id == event.id]
        assert [told[0][1].what, told[-1][1].what] == ["start", "end"]
        assert {report.what for _, report in told[1:-1]} == {"update"}
        updates = [at for at, report in told if report.what == "update"]
        assert all(b - a >= 0.95 for a, b in pairwise(updates))


def test_a_start_brings_a_picture_within_a_second_of_the_visit_being_sure(people):
    for event in people.events:
        at, start = next((at, r) for at, r in people.reports if r.event.id == event.id)
        assert start.event.snapshot
        assert start.event.snapshot_us <= event.start_us + 1_300_000
        assert at <= (event.start_us - people.events[0].start_us) / 1e6 + people.visits[0][1] + 1.3


def test_the_last_picture_shows_the_whole_person(people):
    for event in people.events:
        box = event.snapshot_box
        assert box.height > 0.6
        assert box.x1 > 0.2
        assert box.x2 < 0.95


def test_a_path_has_at_most_three_points_a_second(people):
    for event, (_, start, end) in zip(people.events, people.visits, strict=True):
        assert len(event.path) <= 3 * (end - start) + 2
        assert all(b.utc_us - a.utc_us >= 330_000 for a, b in pairwise(event.path))
