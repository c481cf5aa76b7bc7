"""What 30 days of eight cameras cost who looks at them, on the server: a moment's first fragment, a day's timelines."""

from __future__ import annotations

import os

import pytest

from tests.bench.figures import Figure, publish
from tests.support.house import command

pytestmark = pytest.mark.bench
DAYS = os.environ.get("GUARDIAN_BENCH_DAYS", "30")
BUDGET_MS = {"seek": 20.0, "index": 50.0}
BASELINE = {"seek": "bare read of the same bytes", "index": "SQLite alone"}


@pytest.mark.parametrize("what", ["seek", "index"])
def test_large_archive(what):
    found = command("bench", what, "--days", DAYS)
    publish(
        what,
        Figure("median", found["p50_ms"], "ms", found["baseline_ms"], BASELINE[what]),
        Figure("99 %", found["p99_ms"], "ms", found["baseline_ms"], BASELINE[what], BUDGET_MS[what]),
        segments=found["segments"],
    )
