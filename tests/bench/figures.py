"""What a bench writes down: each figure with its baseline of the same run and its budget. A missed budget is no failure."""

from __future__ import annotations

import json
import os
import platform
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
RESULTS = Path(os.environ.get("GUARDIAN_BENCH_RESULTS", ROOT / "bench-results"))


@dataclass(frozen=True)
class Figure:
    """One figure. `budget` bounds the value, from above or (`at_least`) from below; None: it is only told."""

    what: str
    value: float
    unit: str
    baseline: float | None = None
    baseline_is: str = ""
    budget: float | None = None
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the budget is kept."""
        if self.budget is None:
            return None
        return self.value >= self.budget if self.at_least else self.value <= self.budget

    def line(self) -> str:
        """Say it in one line."""
        parts = [f"{self.what}: {self.value:g} {self.unit}"]
        if self.baseline is not None:
            parts.append(f"{self.baseline_is}: {self.baseline:g} {self.unit}")
        if self.budget is not None:
            kept = "met" if self.met else "MISSED"
            parts.append(f"budget {'at least' if self.at_least else 'at most'} {self.budget:g} {self.unit}: {kept}")
        return "; ".join(parts)


def publish(bench: str, *figures: Figure, **more: object) -> None:
    """Write a bench's JSON file and print it."""
    result = {
        "bench": bench,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine(),
        "figures": [{**asdict(figure), "met": figure.met} for figure in figures],
        **more,
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{bench}.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"\n{bench}, load {result['machine']['load_1_min']}")
    for figure in figures:
        print("  " + figure.line())
    print(json.dumps(result), flush=True)


def machine() -> dict[str, object]:
    """Describe the machine, and how busy it is."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_1_min": round(os.getloadavg()[0], 2),
    }


def ms(seconds: list[float]) -> float:
    """Return the median in milliseconds."""
    return round(median(seconds) * 1000, 3)


def worst_ms(seconds: list[float]) -> float:
    """Return the 95th percentile in milliseconds."""
    return round(sorted(seconds)[int(len(seconds) * 0.95)] * 1000, 3)
