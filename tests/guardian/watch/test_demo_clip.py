"""What a new user sees first: a person and a cat, found early, and nothing that is not there."""

from itertools import pairwise

import av
import pytest

from guardian.detect.client import LocalInference
from guardian.services.demo import CLIP
from tests.support.detectors import engine
from tests.support.watched import ARRIVED_US, watch


@pytest.fixture(scope="module")
def watched():
    return watch(CLIP, LocalInference(engine("default", "openvino")))


def test_a_person_and_a_cat_are_found_within_six_seconds(watched):
    early = {label for label, start, _ in watched.visits if start < 5}
    assert early == {"person", "cat"}
    told = [at for at, report in watched.reports if report.what == "start"]
    assert sum(at < 6 for at in told) == 2


def test_a_start_says_when_the_packet_came_that_made_it_an_event(watched):
    for at_s, report in watched.reports:
        if report.what == "start":
            assert report.arrived_us == pytest.approx(ARRIVED_US + at_s * 1e6, abs=1)
        else:
            assert report.arrived_us == 0


def test_nothing_else_is_found(watched):
    assert [label for label, _, _ in watched.visits] == ["person", "cat", "person"]


def test_it_is_small_and_as_cameras_send_it():
    assert CLIP.stat().st_size <= 2_000_000
    with av.open(str(CLIP)) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.dts is not None]
        assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 1280, 720)
    assert all(packet.pts == packet.dts for packet in packets)
    keys = [float(packet.pts * packet.time_base) for packet in packets if packet.is_keyframe]
    assert max(b - a for a, b in pairwise(keys)) <= 2.0
