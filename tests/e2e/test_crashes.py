"""`kill -9` of a part: it is back within seconds, the rest did not notice, at most one GOP is missing."""

import os
import signal
import time

import pytest

from guardian.model.time import from_rfc3339
from tests.support.program import guardian, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def program():
    with guardian("demo", "--port", "0", "--no-browser", "--source", "testpattern") as running:
        wait_for(lambda: running.camera("testpattern")["recording"], 20, "recording")
        time.sleep(5)
        yield running


def spans(program):
    return program.get("/api/v1/cameras/testpattern/recordings?start=2020-01-01T00:00:00Z&end=2100-01-01T00:00:00Z")["items"]


def test_a_killed_camera_process_is_back_within_three_seconds(program):
    before = program.pids()
    os.kill(before["camera testpattern"], signal.SIGKILL)
    killed, killed_us = time.monotonic(), time.time_ns() // 1000
    wait_for(
        lambda: program.pids().get("camera testpattern") not in (None, before["camera testpattern"]), 3, "a new process"
    )
    wait_for(lambda: program.camera("testpattern")["recording"], 10, "recording")
    assert time.monotonic() - killed < 8
    assert program.pids()["inference detector"] == before["inference detector"]
    time.sleep(3)
    found = spans(program)
    covered = sum(from_rfc3339(span["end"]) - from_rfc3339(span["start"]) for span in found) / 1e6
    whole = (from_rfc3339(found[-1]["end"]) - from_rfc3339(found[0]["start"])) / 1e6
    assert from_rfc3339(found[-1]["end"]) > killed_us + 1_000_000
    assert whole - covered < 4  # a GOP of a second and the start of a process
    assert program.get("/api/v1/cameras/testpattern")["state"] == "running"


def test_a_killed_inference_process_does_not_stop_recording(program):
    before = program.pids()
    segments = len(spans(program))
    os.kill(before["inference detector"], signal.SIGKILL)
    wait_for(
        lambda: program.pids().get("inference detector") not in (None, before["inference detector"]), 3, "a new process"
    )
    assert program.pids()["camera testpattern"] == before["camera testpattern"]
    wait_for(lambda: program.get("/api/v1/system")["inference"]["ready"], 20, "inference")
    assert len(spans(program)) == segments
