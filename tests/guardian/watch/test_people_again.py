"""Visits are events whichever frames are looked at, whatever the codec and however late inference answers."""

import shutil
import subprocess

import pytest

from guardian.detect.client import LocalInference
from tests.support.detectors import engine, shared
from tests.support.watched import six_visits, watch

pytestmark = pytest.mark.timeout(400)  # a minute of two cores, more on a machine that is busy


@pytest.fixture(scope="module")
def inference():
    return LocalInference(engine("default", "openvino"))


def test_the_same_when_the_other_half_of_the_frames_is_looked_at(inference):
    six_visits(watch(shared("footage/people.mp4"), inference, skip=1, until_s=72), 3)


def test_the_same_in_h265_when_answers_come_late(inference, tmp_path):
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    clip = tmp_path / "people.mp4"
    encode = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:keyint=20", "-an"]
    subprocess.run(
        ["ffmpeg", "-v", "error", "-t", "48", "-i", str(shared("footage/people.mp4")), *encode, str(clip)], check=True
    )
    six_visits(watch(clip, inference, late_us=100_000), 2)
