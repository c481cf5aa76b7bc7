"""How fast each model is with each runtime on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from guardian.detect.catalogue import Catalogue
from guardian.detect.engine import open_engine
from guardian.interfaces import DetectorKind, ModelSpec
from guardian.model.errors import GuardianError
from guardian.platform.clock import Clock, SystemClock
from guardian.processes.bench_detect import in_a_loop
from guardian.processes.engines import runtimes
from guardian.settings.schema import PluginsSettings


def measure(names: tuple[str, ...], seconds: float, data_dir: Path, plugins: PluginsSettings) -> Iterator[dict[str, Any]]:
    """Yield one row a model and runtime; a model that a runtime cannot run gets its reason instead of figures."""
    catalogue = Catalogue(data_dir / "models")
    here = [entry.name for entry in catalogue.entries() if entry.state in ("embedded", "installed", "own")]
    kinds = runtimes(data_dir, plugins)
    for name in names or here:
        spec = catalogue.find(name)
        for kind in kinds:
            yield _row(spec, kind, seconds, SystemClock())


def _row(spec: ModelSpec, kind: DetectorKind, seconds: float, clock: Clock) -> dict[str, Any]:
    row: dict[str, Any] = {"model": spec.name, "backend": kind.name, "device": "", "problem": ""}
    began = clock.mono_s()
    try:
        engine = open_engine(spec, [kind])
    except GuardianError as error:
        return {**row, "inferences_per_s": None, "latency_ms": None, "load_s": None, "problem": error.message}
    load_s = clock.mono_s() - began
    try:
        pictures = np.random.default_rng(1).integers(0, 255, (1, spec.height, spec.width, 3), np.uint8)
        rate = in_a_loop(engine, pictures, clock, seconds)
        row["device"] = engine.ready.device
        latency = 1000 * engine.parallel / rate
        return {**row, "inferences_per_s": round(rate, 2), "latency_ms": round(latency, 2), "load_s": round(load_s, 3)}
    finally:
        engine.close()
