"""Inferences a second through the whole pipeline, beside the bare model in a loop."""

from __future__ import annotations

import os

import pytest

from tests.bench.figures import Figure, publish
from tests.support.house import command

SECONDS = os.environ.get("GUARDIAN_BENCH_SECONDS", "10")
BUDGET = 0.95

pytestmark = pytest.mark.bench


def test_detect(tmp_path):
    found = command("bench", "detect", "--seconds", SECONDS, "--data", str(tmp_path))
    publish(
        "detect",
        Figure(
            "pipeline", found["inferences_per_s"], "inferences/s", found["baseline_inferences_per_s"], "bare model in a loop"
        ),
        Figure("pipeline against the bare model", found["ratio"], "times", 1.0, "bare model", BUDGET, at_least=True),
        model=found["model"],
        backend=found["backend"],
        device=found["device"],
    )
