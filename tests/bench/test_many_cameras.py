"""Four cameras of 1080p15 that are busy all the time, and sixteen of which one in four is, on one machine: is any recording torn, what was
left out, and how late are events told. GUARDIAN_BENCH_CAMERAS changes the larger number, GUARDIAN_BENCH_SECONDS how long.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from guardian.processes import bench_watch
from tests.bench.figures import Figure, publish
from tests.support.house import ALL, command, set_up
from tests.support.program import guardian, wait_for
from tests.support.rtsp import RtspServer, require_server

CAMERAS = max(int(word) for word in os.environ.get("GUARDIAN_BENCH_CAMERAS", "16").split(","))
SECONDS = float(os.environ.get("GUARDIAN_BENCH_SECONDS", "45"))
HOUSES = {"four-busy-cameras": (4, 1), f"many-cameras-{CAMERAS}": (CAMERAS, 4)}  # how many, one in how many is busy
MOST_DELAY_MS = 300  # beside one inference
LATE_S = 1.5  # a camera's recording may end so long before the others', in the middle of a GOP of two seconds

pytestmark = pytest.mark.bench


def cameras(server: RtspServer, names: list[str]) -> str:
    more = 'kind = "rtsp"\nrecord.segment_s = 10\n'
    parts = [f'[cameras.{name}]\nsource = {{ url = "{server.url(name)}" }}\n{more}' for name in names]
    return '[detector]\nhint = "auto"\n[storage]\nreserve_gb = 0.1\n' + "".join(parts)


@pytest.fixture(params=HOUSES)
def house(request):
    """Name, names of all cameras, names of the busy ones."""
    many, one_in = HOUSES[request.param]
    names = [f"cam{number}" for number in range(many)]
    return request.param, names, names[::one_in]


@pytest.fixture
def server(tmp_path, house):
    require_server()
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    films = bench_watch.films(None, None)
    paths: dict[str, Path] = {}
    for name, film in films.items():
        paths[name] = bench_watch._make(film, tmp_path / f"{name}.mp4")
    _, names, busy = house
    one = RtspServer({name: str(paths["busy" if name in busy else "calm"]) for name in names}).start()
    yield one
    one.kill()


def spans(program, name):
    return program.get(f"/api/v1/cameras/{name}/recordings?{ALL}")["items"]


def test_many_cameras(tmp_path, server, house):
    title, names, busy = house
    set_up(tmp_path / "data", cameras(server, names))
    with guardian("run", "--data", str(tmp_path / "data"), data=tmp_path / "data") as program:
        program.token = command("token", "create", "bench", "--data", str(program.data))["token"]
        wait_for(lambda: all(program.camera(name)["recording"] for name in names), 60, "every camera's recording")
        time.sleep(SECONDS)
        views = {name: program.camera(name) for name in names}
        system = program.get("/api/v1/system")
        torn = {name: found for name in names if len(found := spans(program, name)) != 1}
        inference = system["inference"]
        took_ms = max((one["infer_ms"]["p50"] for one in inference["cameras"]), default=0.0)
    checked = command("index", "check", "--data", str(tmp_path / "data"))
    asked = {one["camera"]: one for one in inference["cameras"]}

    def left_out(of):
        looks = sum(views[name]["watch"]["skipped_looks"] + asked.get(name, {"skipped": 0})["skipped"] for name in of)
        return looks, sum(views[name]["watch"]["skipped_packets"] for name in of)

    looks, packets = left_out(names)
    publish(
        title,
        Figure("recordings that have a gap", len(torn), "cameras", budget=0),
        Figure("faults in the index", len(checked["items"]), "faults", budget=0),
        Figure(
            "packets dropped while recording", sum(view["dropped_packets"] for view in views.values()), "packets", budget=0
        ),
        Figure("events told, median", system["event_delay_ms"]["p50"], "ms after their packet"),
        Figure(
            "events told, 95 %",
            system["event_delay_ms"]["p95"],
            "ms after their packet",
            took_ms,
            "one inference",
            MOST_DELAY_MS + took_ms,
        ),
        *(
            Figure(
                f"looks {what}, {share}",
                max(one[key][share] for one in inference["cameras"]),
                "ms, the camera with the most",
            )
            for what, key in (("wait for inference", "wait_ms"), ("are inferred", "infer_ms"))
            for share in ("p50", "p95")
        ),
        Figure("looks left out", looks, "looks", sum(views[name]["watch"]["looks"] for name in names), "looked at"),
        Figure(
            "packets that were not watched",
            packets,
            "packets",
            sum(v["watch"]["packets"] for v in views.values()),
            "watched",
        ),
        Figure("busy cameras are looked at", sum(views[name]["detect_fps"] for name in busy) / len(busy), "times a second"),
        Figure("inferences", inference["inferences_per_s"], "a second"),
        Figure("processor", system["cpu_percent"], "% of all cores"),
        torn=torn,
        awake=[name for name in names if views[name]["watch"]["awake"]],
    )
