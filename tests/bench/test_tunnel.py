"""How fast a sealed segment goes from the home's disk to the relay's, through the tunnel, beside iperf3 through the same tunnel, by turns.

Once as fast as the machine can, where both ends, the cipher and the camera's home share its cores; and once over an uplink of 100 Mb/s.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import subprocess
import time
from pathlib import Path
from statistics import median

import pytest

from guardian.services.demo import CLIP
from tests.bench.figures import Figure, publish
from tests.support.program import wait_for
from tests.support.relay_lab import Relay, address_in_tunnel, joined_home, open_port

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]
BUDGET, ROUNDS, IPERF_S = 0.9, 3, 5
MB_S, SEGMENT_S = 20, 40  # Mb/s: 100 MB a segment
PORT = 7998


def test_tunnel(tmp_path):
    lacking = [program for program in ("iperf3", "tc", "ffmpeg") if shutil.which(program) is None]
    if lacking:
        pytest.skip(f"there is no {', '.join(lacking)}")
    figures = []
    with joined_home(tmp_path / "lab", film=filmed(tmp_path), segment_s=SEGMENT_S) as (relay, _, _, capture, network):
        wait_for(lambda: sizes(relay, whole=True), 240, "a clip")
        capture.end()
        relay.camera.kill()
        segment, size = max(sizes(relay, whole=True).items(), key=lambda one: one[1])
        for uplink, many in (("", ROUNDS), ("100mbit", ROUNDS)):
            if uplink:
                network.limit(uplink)
            fetched, iperf = [], []
            for _ in range(many):
                fetched.append(fetch(relay, segment, size))
                iperf.append(through(network, address_in_tunnel(relay)))
            ours, bare = median(fetched), median(iperf)
            name = f"segment through the tunnel{', uplink of 100 Mb/s' if uplink else ''}"
            figures.append(Figure(name, round(ours, 1), "Mb/s", round(bare, 1), "iperf3"))
            figures.append(
                Figure(f"{name}, of iperf3", round(ours / bare, 3), "times", 1.0, "iperf3", BUDGET, at_least=True)
            )
    publish("tunnel", *figures, segment_bytes=size)


def filmed(folder: Path) -> Path:
    """The demo's people in 1080p, at a bitrate that a segment of it is worth to be timed."""
    film = folder / "film.mp4"
    words = ["-vf", "scale=1920:1080,noise=alls=20:allf=t", "-r", "15", "-g", "30", "-bf", "0", "-preset", "ultrafast"]
    rate = ["-b:v", f"{MB_S}M", "-minrate", f"{MB_S}M", "-maxrate", f"{MB_S}M", "-bufsize", f"{MB_S}M"]
    command = ["ffmpeg", "-v", "error", "-i", str(CLIP), "-an", *words, "-c:v", "libx264", *rate, str(film)]
    subprocess.run(command, check=True)
    return film


def sizes(relay: Relay, *, whole: bool) -> dict[bytes, int]:
    """The clips that the relay knows, and how long their files are to be."""
    with contextlib.closing(sqlite3.connect(f"file:{relay.state}/relay.db?mode=ro", uri=True)) as db:
        return dict(db.execute("SELECT segment, size FROM clips WHERE whole = ?", (whole,)).fetchall())


def fetch(relay: Relay, segment: bytes, size: int) -> float:
    """Have the relay lose a clip: it asks for it again, and the home, which still runs, gives it. Mb/s, from its first bytes on."""
    relay.kill()
    with contextlib.closing(sqlite3.connect(relay.state / "relay.db")) as db, db:
        db.execute("DELETE FROM clips WHERE whole = 0")
        db.execute("UPDATE clips SET whole = 0 WHERE segment = ?", (segment,))
    (path,) = (one for one in relay.state.rglob(segment.hex()))
    path.unlink()
    relay.start()
    wait_for(lambda: path.exists() and path.stat().st_size, 60, "the first bytes")
    began, first = time.monotonic(), path.stat().st_size
    while (now := path.stat().st_size) < size:
        time.sleep(0.005)
        assert time.monotonic() - began < 120, (now, size)
    took = time.monotonic() - began
    wait_for(lambda: segment in sizes(relay, whole=True), 20, "the clip is whole")
    return (size - first) * 8 / took / 1e6


def through(network, address: str) -> float:
    """What iperf3 brings from home to the relay's end of the tunnel, in Mb/s of payload."""
    open_port(network, PORT)
    with network.inside("relay"):
        server = subprocess.Popen(["iperf3", "-s", "-1", "-p", str(PORT), "-B", address], stdout=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        with network.inside("home"):
            words = ["iperf3", "-6", "-c", address, "-p", str(PORT), "-t", str(IPERF_S), "-J"]
            said = subprocess.run(words, capture_output=True, text=True, check=True)
        return float(json.loads(said.stdout)["end"]["sum_received"]["bits_per_second"]) / 1e6
    finally:
        server.terminate()
        server.wait(10)
