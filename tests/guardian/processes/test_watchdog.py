"""When a child is ended for its own good, and that a real one is."""

import asyncio
import os
import signal
import time

import pytest

from guardian.platform.clock import SystemClock
from guardian.platform.tasks import Tasks
from guardian.processes import supervisor
from guardian.processes.supervisor import Supervisor
from guardian.processes.watchdog import MIB, Bounds, judge
from tests.guardian.processes.test_supervisor import until

BOUNDS = Bounds(6.0, 100 * MIB, "detector.memory_mib")


@pytest.mark.parametrize(
    ("silent_s", "patience_s", "memory", "what"),
    [
        (0, 0, 0, None),
        (6, 0, 100 * MIB, None),
        (6.1, 0, 0, "hung"),
        (200, 300, 0, None),
        (301, 300, 0, "hung"),
        (0, 0, 100 * MIB + 1, "too_big"),
    ],
)
def test_the_verdict(silent_s, patience_s, memory, what):
    verdict = judge(BOUNDS, silent_s, patience_s, memory)
    assert (verdict and verdict.what) == what
    assert verdict is None or (verdict.said and verdict.cure)


def test_no_bounds_no_verdict():
    assert judge(Bounds(), 1e9, 0, 1 << 50) is None


def hog(_job: object) -> None:
    kept = []
    while True:
        kept.append(os.urandom(4 * MIB))
        time.sleep(0.02)


def sleep(_job: object) -> None:
    time.sleep(60)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(supervisor, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(supervisor, "START_PATIENCE_S", 5.0)
    monkeypatch.setattr(supervisor, "GRACE_S", 0.1)


async def test_a_process_that_grows_is_started_again_and_that_is_said(quick):
    tasks = Tasks()
    children = Supervisor(SystemClock(), tasks)
    children.start("hog", "one", f"{__name__}:hog", lambda: None, lambda: None, Bounds(0, 300 * MIB, "x.memory_mib"))
    child = children.running("hog", "one")
    await until(lambda: child.restarts == 1)
    (finding,) = children.findings()
    assert "more than x.memory_mib = 300 allows" in finding.message
    assert "x.memory_mib" in finding.cure
    await children.stop("hog", "one")
    await tasks.close()


async def test_a_process_that_is_stopped_in_its_tracks_is_started_again(quick):
    tasks = Tasks()
    children = Supervisor(SystemClock(), tasks)
    children.start("sleeper", "one", f"{__name__}:sleep", lambda: None, lambda: None, Bounds(0.5))
    child = children.running("sleeper", "one")
    await until(lambda: child.process is not None and child.usage is None and child.process.pid)
    children.signal("sleeper", "one", signal.SIGSTOP)
    for _ in range(10):  # signs of life keep it
        children.beat("sleeper", "one")
        await asyncio.sleep(0.1)
    assert child.restarts == 0
    await until(lambda: child.restarts == 1)
    assert "no sign of life" in children.findings()[0].message
    await children.stop("sleeper", "one")
    await tasks.close()
