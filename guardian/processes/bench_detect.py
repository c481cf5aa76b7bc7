"""Inferences a second through the whole pipeline (inference process, shared memory, client) against the bare model in a loop."""

from __future__ import annotations

import multiprocessing
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from guardian.detect.client import InferenceClient
from guardian.detect.engine import Engine
from guardian.model.errors import ServiceUnavailable
from guardian.model.messages import InferReply
from guardian.platform.clock import Clock, SystemClock
from guardian.processes.engines import engine_for
from guardian.processes.inference import SKIPPED, InferenceServer
from guardian.settings.schema import DetectorSettings, PluginsSettings

READY_WITHIN_S = 30.0
ROUND_S = 1.0  # pipeline and baseline by turns, so that a machine that warms up or is shared wrongs neither
PICTURES = 2  # a request: a frame's usual crops


def run(
    *, seconds: float, model: str = "default", data_dir: Path | None = None, backend: str = "auto", device: str = "AUTO"
) -> dict[str, Any]:
    """Measure both for `seconds` each, by turns; return the median rates and their ratio."""
    clock = SystemClock()
    settings = DetectorSettings(model=model, backend=backend, device=device)
    with tempfile.TemporaryDirectory(prefix="guardian-bench-") as folder:
        data = data_dir or Path(folder)
        socket_path = str(Path(folder) / "inference.sock")
        engine = engine_for(data, settings, PluginsSettings(), lambda _: None)
        context = multiprocessing.get_context("spawn")
        stop = context.Event()
        process = context.Process(target=_serve, args=(socket_path, str(data), settings, stop), daemon=True)
        process.start()
        client = InferenceClient(socket_path, "bench", clock, slots=PICTURES * (engine.parallel + 3))
        try:
            _await_model(client, clock)
            pictures = np.random.default_rng(1).integers(
                0, 255, (PICTURES, engine.spec.height, engine.spec.width, 3), np.uint8
            )
            through, bare = [], []
            through_pipeline(client, pictures, engine.parallel + 2, clock, 0.3)  # warm
            rounds = max(2, round(seconds / ROUND_S))
            for _ in range(rounds):
                bare.append(in_a_loop(engine, pictures, clock, seconds / rounds))
                through.append(through_pipeline(client, pictures, engine.parallel + 2, clock, seconds / rounds))
        finally:
            client.close()
            stop.set()
            process.join(5.0)
            ready = engine.ready
            engine.close()
    pipeline, baseline = median(through), median(bare)
    return {
        "inferences_per_s": round(pipeline, 2),
        "baseline_inferences_per_s": round(baseline, 2),
        "ratio": round(pipeline / baseline, 3),
        "model": ready.model,
        "backend": ready.backend,
        "device": ready.device,
        "requests_at_once": engine.parallel,
        "seconds": seconds,
    }


def _serve(socket_path: str, data_dir: str, settings: DetectorSettings, stop: Any) -> None:
    server = InferenceServer(Path(socket_path), SystemClock())
    server.load(lambda: engine_for(Path(data_dir), settings, PluginsSettings(), lambda _: None))
    stop.wait()
    server.close()


def _await_model(client: InferenceClient, clock: Clock) -> None:
    waiting, end = threading.Event(), clock.mono_s() + READY_WITHIN_S
    while client.model is None:
        if clock.mono_s() > end:
            raise ServiceUnavailable("the inference process did not come up", cure="See `guardian doctor`.")
        waiting.wait(0.05)


def in_a_loop(engine: Engine, pictures: np.ndarray[Any, np.dtype[np.uint8]], clock: Clock, seconds: float) -> float:
    """Return pictures a second of the bare detector, raw outputs only, on as many threads as it can use."""

    def work(count: Callable[[int], None], end_s: float) -> None:
        while clock.mono_s() < end_s:
            engine.detector.infer(pictures)
            count(len(pictures))

    began = clock.mono_s()
    counts: list[int] = []
    threads = [threading.Thread(target=work, args=(counts.append, began + seconds)) for _ in range(engine.parallel)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (clock.mono_s() - began)


def through_pipeline(
    client: InferenceClient, pictures: np.ndarray[Any, np.dtype[np.uint8]], in_flight: int, clock: Clock, seconds: float
) -> float:
    """Return pictures a second that come back from the inference process, `in_flight` requests at once."""
    free = threading.Semaphore(in_flight)
    lock, answered, errors = threading.Lock(), [0], list[str]()

    def done(reply: InferReply) -> None:
        with lock:
            answered[0] += len(reply.detections)
            if reply.error not in ("", SKIPPED):  # a skipped one counts for nothing
                errors.append(reply.error)
        free.release()

    batch = list(pictures)
    began = clock.mono_s()
    while clock.mono_s() < began + seconds:
        free.acquire()
        if not client.submit(batch, done):
            raise ServiceUnavailable("the inference process has gone")
    for _ in range(in_flight):
        free.acquire()
    if errors:
        raise ServiceUnavailable(f"inference failed: {errors[0]}")
    return answered[0] / (clock.mono_s() - began)
