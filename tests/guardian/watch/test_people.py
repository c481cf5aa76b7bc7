"""Six visits in the footage are six events, told once each, whatever the codec and however late inference answers."""

import json
import shutil
import subprocess
from itertools import pairwise

import pytest

from guardian.detect.client import LocalInference
from tests.support.detectors import engine, shared
from tests.support.watched import Watched, watch


@pytest.fixture(scope="module")
def inference():
    return LocalInference(engine("default", "openvino"))


def six_visits(watched: Watched) -> None:
    truth = json.loads(shared("footage/people.truth.json").read_text())
    visits = watched.visits
    assert [label for label, _, _ in visits] == ["person"] * 6, visits
    for (_, start, end), (true_start, true_end) in zip(visits, truth["visits"], strict=True):
        assert abs(start - true_start) <= truth["tolerance_s"], visits
        assert abs(end - true_end) <= truth["tolerance_s"], visits


@pytest.fixture(scope="module")
def people(inference):
    return watch(shared("footage/people.mp4"), inference)


def test_six_visits_are_six_events(people):
    six_visits(people)


def test_the_same_when_the_other_half_of_the_frames_is_looked_at(inference):
    six_visits(watch(shared("footage/people.mp4"), inference, skip=1))


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


def test_the_same_in_h265_when_answers_come_late(inference, tmp_path):
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    clip = tmp_path / "people.mp4"
    encode = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:keyint=20", "-an"]
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(shared("footage/people.mp4")), *encode, str(clip)], check=True)
    six_visits(watch(clip, inference, late_us=100_000))
