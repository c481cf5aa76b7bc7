"""Archives and the program that serves them, made once for all benches that ask for them."""

from __future__ import annotations

import os
import shutil
import time

import pytest

from tests.bench.archive import Archive, make
from tests.support.house import running
from tests.support.program import wait_for

DAYS, CAMERAS = int(os.environ.get("GUARDIAN_BENCH_DAYS", "30")), 8  # 345,600 segments of a minute


def serve(archive: Archive):
    """Run the program on an archive until it has settled."""
    began = time.monotonic()
    with running(archive.data) as program:
        program.started_s = time.monotonic() - began
        wait_for(lambda: program.get("/api/v1/system")["inference"]["ready"], 60, "inference")
        time.sleep(5)
        yield program


def kept_while_needed(folder, **how):
    """Make an archive, and delete its hundreds of thousands of names in the end."""
    yield make(folder / "data", **how)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def large(tmp_path_factory):
    yield from kept_while_needed(
        tmp_path_factory.mktemp("large"), cameras=CAMERAS, days=DAYS, events=10_000, with_footage=32
    )


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    yield from kept_while_needed(tmp_path_factory.mktemp("small"), cameras=1, days=1, events=10, with_footage=32)


@pytest.fixture(scope="session")
def large_program(large):
    yield from serve(large)


@pytest.fixture(scope="session")
def small_program(small):
    yield from serve(small)
