"""Real footage, real network: each visit of the people footage is one event, and nothing else is one."""

import json

import pytest
from tests.support.detectors import DATA, engine
from tests.support.watched import T0, watch

from guardian.detect.client import LocalInference
from guardian.settings.schema import DetectSettings

FOOTAGE = DATA / "footage" / "people.mp4"
TRUTH = DATA / "footage" / "people.truth.json"

pytestmark = pytest.mark.skipif(not FOOTAGE.exists() or not TRUTH.exists(), reason=f"{FOOTAGE} or its truth is missing")


@pytest.fixture(scope="module")
def runtime():
    return LocalInference(engine("default", "openvino"))


@pytest.fixture(scope="module")
def watched(runtime):
    return watch(FOOTAGE, runtime, DetectSettings(fps=5.0))


def assert_truth(watched):
    truth = json.loads(TRUTH.read_text(encoding="utf-8"))
    assert [label for label, _, _ in watched.visits] == [truth["label"]] * len(truth["visits"])
    for (_, start, end), (true_start, true_end) in zip(watched.visits, truth["visits"], strict=True):
        assert start == pytest.approx(true_start, abs=truth["tolerance_s"])
        assert end == pytest.approx(true_end, abs=truth["tolerance_s"])


def test_each_visit_is_one_event(watched):
    assert_truth(watched)


def test_the_same_when_inference_answers_late(runtime):
    assert_truth(watch(FOOTAGE, runtime, DetectSettings(fps=5.0), late_us=150_000))


def test_reports_tell_a_whole_story(watched):
    for event in watched.events:
        told = [(at, report) for at, report in watched.reports if report.event.id == event.id]
        whats = [report.what for _, report in told]
        assert whats == ["start", *["update"] * (len(whats) - 2), "end"]
        times = [at for at, report in told if report.what == "update"]
        assert all(later - earlier >= 0.99 for earlier, later in zip(times, times[1:], strict=False))
        assert told[0][1].event.snapshot
        assert told[0][0] - (event.start_us - T0) / 1e6 < 1.5, "told late"


def test_pictures_and_paths_lie_within_their_event(watched):
    for event in watched.events:
        assert event.snapshot == f"front/{event.id}.pgp"
        assert event.start_us <= event.snapshot_us <= event.end_us
        times = [point.utc_us for point in event.path]
        assert times[0] == event.start_us
        assert all(later - earlier >= 330_000 for earlier, later in zip(times, times[1:], strict=False))
        assert len(times) >= (event.end_us - event.start_us) / 1e6, "fewer than one point a second"


def test_an_empty_room_is_hardly_looked_at(watched):
    assert watched.counters.looks <= watched.counters.frames
    assert watched.counters.crops < 2.5 * watched.counters.looks
