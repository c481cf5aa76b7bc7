"""Eight RTSP cameras that flap every few seconds: no process dies or grows, and the index says what the files say.

GUARDIAN_SOAK_MINUTES (2 unless told; 30 say more); GUARDIAN_TORTURE_SEED repeats a run. Connections are cut in the middle of a
packet, servers are killed and hung, footage is deleted for its size and played, all at once.
"""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from guardian.model.time import to_rfc3339
from tests.support.house import ALL, command, running, set_up
from tests.support.program import Program, wait_for
from tests.support.rtsp import RtspServer, make_video, require_server
from tests.torture.cable import Cable
from tests.torture.footage import Footage, of

MINUTES = float(os.environ.get("GUARDIAN_SOAK_MINUTES", "2"))
SEED = int(os.environ.get("GUARDIAN_TORTURE_SEED", str(random.randrange(1 << 32))))
CAMERAS = tuple(f"cam{number}" for number in range(8))
WATCHED = CAMERAS[:2]
MAX_GB = 0.0015 * MINUTES  # reached on the way: what is oldest goes from then on
EVERY_S = 5.0
BACK_S = 20.0

pytestmark = [pytest.mark.torture, pytest.mark.timeout(int(600 + 60 * MINUTES * 2))]


class Use(NamedTuple):
    """What a process holds. As a bound: the most that it may ever hold."""

    pss_mb: float
    own_mb: float  # PSS without the pages of files: other programs that share a library come and go
    descriptors: float
    threads: float


CORES = os.cpu_count() or 1  # inference has threads for each
MOST = {
    "conductor": Use(130, 110, 64 + 80, 20),  # 64 files that were played stay open for a while
    "camera": Use(90, 60, 25, 12),
    "inference": Use(260 + 10 * CORES, 200 + 10 * CORES, 30, 20 + 4 * CORES),
    "other": Use(40, 30, 30, 4),
}
GROWTH = Use(float("inf"), 4, 4, 2)  # from the second quarter of the time to its last, by their medians
LONG = 200  # samples
PLAYED = 64  # by how many descriptors the conductor may grow until so many files have been played


class Yard:
    """Eight cameras on two servers, each at the end of a cable."""

    def __init__(self, folder: Path, dice: random.Random) -> None:
        video = make_video(folder / "yard.mp4", seconds=90, audio="aac")
        self._dice = dice
        self.servers = [RtspServer({"yard": f"{video},h264,aac", "quiet": str(video)}).start() for _ in range(2)]
        self.cables = [Cable(self.servers[number % 2].port) for number in range(len(CAMERAS))]
        self._later: list[tuple[float, Callable[[], object]]] = []
        self._away: set[int] = set()
        self.done = dict.fromkeys(("cut", "killed", "hung"), 0)

    def config(self) -> str:
        """Return the cameras' settings."""
        urls = [
            f"rtsp://127.0.0.1:{cable.port}/{'quiet' if number % 3 else 'yard'}" for number, cable in enumerate(self.cables)
        ]
        return "".join(
            f'[cameras.{name}]\nkind = "rtsp"\nsource = {{ url = "{url}" }}\nrecord.segment_s = 10\n'
            f"detect.enabled = {'true' if name in WATCHED else 'false'}\n"
            for name, url in zip(CAMERAS, urls, strict=True)
        )

    def flap(self) -> None:
        """Do one bad thing, and what is due of making it good."""
        self.mend(time.monotonic())
        how = self._dice.choices(("cut", "killed", "hung"), (12, 2, 1))[0]
        number = self._dice.randrange(2)
        if how == "cut":
            self._dice.choice(self.cables).cut_soon(self._dice.randrange(1, 20_000), reset=self._dice.random() < 0.5)
        elif number in self._away:
            return
        else:
            server = self.servers[number]
            (server.kill if how == "killed" else server.hang)()
            self._away.add(number)
            back = server.start if how == "killed" else server.go_on
            self._later.append((time.monotonic() + self._dice.uniform(0.2, 8), lambda: (back(), self._away.discard(number))))
        self.done[how] += 1

    def mend(self, until_s: float = float("inf")) -> None:
        """Make good what is due."""
        due = [step for at, step in self._later if at <= until_s]
        self._later = [(at, step) for at, step in self._later if at > until_s]
        for step in due:
            step()

    def close(self) -> None:
        """End it all."""
        for cable in self.cables:
            cable.close()
        for server in self.servers:
            server.kill()


@pytest.fixture
def yard(tmp_path):
    require_server()
    yard = Yard(tmp_path, random.Random(SEED))
    try:
        yield yard
    finally:
        yard.close()


def test_cameras_that_flap_cost_nothing_that_stays(yard, tmp_path):
    data = tmp_path / "data"
    set_up(data, f"[storage]\nmax_gb = {MAX_GB}\n" + yard.config())
    footage, dice = Footage(data), random.Random(SEED + 1)
    with running(data) as program:
        wait_for(lambda: all_record(program), 60, "recording")
        pids, uses = program.pids(), []
        ends, sampled = time.monotonic() + 60 * MINUTES, time.monotonic()
        while time.monotonic() < ends:
            yard.flap()
            time.sleep(dice.uniform(0.1, 1.0))
            if time.monotonic() - sampled >= EVERY_S:
                sampled = time.monotonic()
                play(program, dice.choice(CAMERAS))
                uses.append(used(program))
        yard.mend()
        wait_for(lambda: all_record(program), BACK_S, "recording of all")
        assert program.pids() == pids, "a process died"
        time.sleep(3)
        uses.append(used(program))
        wait_for(lambda: deleted(program.process.pid) == [], 15, "room of what was deleted")
        fragments = footage.fragments()
        tell(yard, uses, fragments)
        assert too_much(uses) == []
        assert command("index", "check", "--data", str(data))["items"] == []
    is_well(data, footage, tmp_path)


def all_record(program: Program) -> bool:
    """Tell whether every camera records."""
    return all(one["recording"] for one in program.get("/api/v1/cameras")["items"])


def play(program: Program, name: str) -> None:
    """Ask for a little of a camera's newest footage, as a viewer does; it may just be deleted."""
    spans = program.get(f"/api/v1/cameras/{name}/recordings?{ALL}")["items"]
    end_us = time.time_ns() // 1000 - 5_000_000
    if spans:
        span = f"start={to_rfc3339(end_us - 2_000_000)}&end={to_rfc3339(end_us)}"
        assert program.request(f"/api/v1/cameras/{name}/clip.mp4?{span}")[0] in (200, 404)
    assert program.request(f"/cameras/{name}")[0] == 200


def used(program: Program) -> dict[str, Use]:
    """Measure every process of Guardian."""
    names = {pid: name.strip() for name, pid in program.pids().items()}
    processes = [psutil.Process(program.process.pid), *psutil.Process(program.process.pid).children(recursive=True)]
    found = {}
    for number, process in enumerate(processes):
        with suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()[1:]
            kb = {line.split()[0]: int(line.split()[1]) for line in rollup}
            own_kb = kb["Pss_Anon:"] + kb["Pss_Shmem:"]
            use = Use(kb["Pss:"] / 1024, own_kb / 1024, process.num_fds(), process.num_threads())
            found[names.get(process.pid, f"other {number}")] = use
    return found


def deleted(pid: int) -> list[str]:
    """Return the footage that a process still holds open although it was deleted, which takes up its room."""
    links = [os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir() if fd.is_symlink()]
    return [link for link in links if link.endswith(".pgs (deleted)")]


def too_much(uses: list[dict[str, Use]]) -> list[str]:
    """Return what is over a bound."""
    faults = []
    for name in uses[-1]:
        bound, row = MOST[name.split()[0]], [one[name] for one in uses if name in one]
        quarter = len(row) // 4
        for at, what in enumerate(Use._fields):
            values = [use[at] for use in row]
            if max(values) > bound[at]:
                faults.append(f"{name}: {what} {max(values):.0f}, more than {bound[at]}")
            grown = statistics.median(values[-quarter:]) - statistics.median(values[quarter : 2 * quarter])
            may = PLAYED if (name, what) == ("conductor", "descriptors") and len(row) < LONG else GROWTH[at]
            if grown > may:
                faults.append(f"{name}: {what} grew by {grown:.1f}")
    return faults


def tell(yard: Yard, uses: list[dict[str, Use]], fragments: dict) -> None:
    """Print the figures."""
    print(f"seed {SEED}, {MINUTES:g} minutes: {yard.done}, {len(fragments)} files", flush=True)
    for name in uses[-1]:
        row = [one[name] for one in uses if name in one]
        quarter = max(len(row) // 4, 1)
        early, late = row[quarter : 2 * quarter] or row, row[-quarter:]
        figures = (
            f"{what} {statistics.median(u[at] for u in early):.1f} then {statistics.median(u[at] for u in late):.1f}, "
            f"most {max(u[at] for u in row):.1f}"
            for at, what in enumerate(Use._fields)
        )
        print(f"  {name}: {'; '.join(figures)}", flush=True)


def is_well(data: Path, footage: Footage, tmp_path: Path) -> None:
    """Everything is whole, opens and plays, and the index knows exactly what is there."""
    assert footage.tidy() == []
    footage.open_all()
    assert footage.play_all(tmp_path) == []
    assert all(of(footage.fragments(), name) for name in CAMERAS)
    checked = command("index", "check", "--data", str(data))
    assert (checked["ok"], checked["being_written"], checked["segments"]) == (True, 0, len(footage.fragments()))
