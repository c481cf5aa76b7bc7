"""`kill -9` of any part at random moments, over and over: every sealed fragment opens, at most a GOP is missing, and all
goes on by itself.

GUARDIAN_TORTURE_ROUNDS kills (12 unless told), GUARDIAN_TORTURE_SEED repeats a run: a failure names its seed.
"""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from guardian.services.demo import CLIP
from tests.support.house import camera, command, set_up
from tests.support.program import Program, guardian, wait_for
from tests.torture.footage import Footage, gaps_s, last_end_us, lost, of

ROUNDS = int(os.environ.get("GUARDIAN_TORTURE_ROUNDS", "12"))
SEED = int(os.environ.get("GUARDIAN_TORTURE_SEED", str(random.randrange(1 << 32))))
VICTIMS = ("camera", "conductor", "inference", "all")
PATTERNS = ("yard", "door", "hall")
CAMERAS = (*PATTERNS, "demo")
GOP_S = 1.0  # of the test pattern and the demo clip
LOSS_S = GOP_S + 0.5  # half a second for a machine that is busy
GONE_S = 15.0

pytestmark = [pytest.mark.torture, pytest.mark.timeout(120 + 60 * ROUNDS)]


class House:
    """Guardian, started as often as it takes, as a service manager does."""

    def __init__(self, data: Path) -> None:
        self.data, self.token = data, ""
        self._stack = ExitStack()

    def start(self) -> Program:
        """Start it."""
        self.program = self._stack.enter_context(guardian("run", "--data", str(self.data), data=self.data))
        self.token = self.token or command("token", "create", "torture", "--data", str(self.data))["token"]
        self.program.token = self.token
        return self.program

    def group(self) -> set[int]:
        """Return the processes that this life has started and that live."""
        found = set()
        for process in psutil.process_iter():
            with suppress(psutil.Error, ProcessLookupError):
                if os.getpgid(process.pid) == self.program.process.pid and process.status() != psutil.STATUS_ZOMBIE:
                    found.add(process.pid)
        return found

    def reap(self) -> None:
        """Wait for the end of a life whose conductor was killed."""
        self.program.process.wait(10)
        self._stack.close()

    def close(self) -> None:
        """End it in good order."""
        self._stack.close()


@pytest.fixture
def house(tmp_path):
    sources = [
        camera(name, "testpattern", {"width": 320, "height": 240, "fps": 10}, "record.segment_s = 7\n") for name in PATTERNS
    ]
    sources.append(f'[cameras.demo]\nkind = "file"\nsource = {{ path = "{CLIP}" }}\nrecord.segment_s = 7\n')
    set_up(tmp_path / "data", "".join(sources))
    house = House(tmp_path / "data")
    try:
        yield house
    finally:
        house.close()


def test_kills_at_random_moments(house, tmp_path):
    dice = random.Random(SEED)
    footage = Footage(house.data)
    house.start()
    victims = [victim for _ in range(0, ROUNDS, len(VICTIMS)) for victim in dice.sample(VICTIMS, len(VICTIMS))]
    for number, victim in enumerate(victims[:ROUNDS]):
        name = dice.choice(CAMERAS)
        told = f"round {number} of seed {SEED}: {victim} {name if victim == 'camera' else ''}".rstrip()
        try:
            missing = one_round(house, footage, dice, victim, name)
        except AssertionError as error:
            raise AssertionError(f"{told}: {error}\n{''.join(house.program.log[-40:])}") from error
        print(f"{told}: missing seconds {missing}", flush=True)
    events = house.program.get("/api/v1/events")["items"]
    house.close()
    assert footage.tidy() == []
    assert footage.play_all(tmp_path) == []
    assert command("index", "check", "--data", str(house.data))["being_written"] == 0
    assert events or ROUNDS < 4, "nobody walked through the demo clip"


def one_round(house: House, footage: Footage, dice: random.Random, victim: str, name: str) -> dict[str, float]:
    """Kill, wait until all is well again, and look at everything. Return the seconds that are missing, by camera."""
    program = house.program
    all_record(program)
    began_us = time.time_ns() // 1000
    time.sleep(dice.uniform(1.0, 6.0))
    before = footage.fragments()
    killed_us = kill(house, victim, name)
    hit = {"camera": {name}, "inference": set()}.get(victim, set(CAMERAS))
    if victim in ("conductor", "all"):
        restart(house, dice)
    wait_for(
        lambda: all(of(footage.fragments(), one)[-1].start_utc_us > killed_us + 1_500_000 for one in CAMERAS), 30, "footage"
    )
    all_record(house.program)
    after = footage.fragments()
    assert lost(before, after) == [], "sealed fragments have gone"
    footage.open_all()
    missing = {one: round((killed_us - last_end_us(after, one, killed_us)) / 1e6, 2) for one in CAMERAS if one in hit}
    assert all(seconds <= LOSS_S for seconds in missing.values()), f"more than the GOP in flight is missing: {missing}"
    for one in set(CAMERAS) - hit:
        assert gaps_s(after, one, began_us) == [], f"{one} was not hit, and has a gap"
    checked = command("index", "check", "--data", str(house.data))
    assert checked["ok"], checked["items"]
    assert not list((house.data / "segments").rglob("*.damaged")), "a file was put aside"
    return missing


def all_record(program: Program) -> None:
    """Wait until every camera records and inference answers."""
    wait_for(lambda: all(program.camera(one)["recording"] for one in CAMERAS), 30, "recording")
    wait_for(lambda: program.get("/api/v1/system")["inference"]["ready"], 120, "inference")


def kill(house: House, victim: str, name: str) -> int:
    """Kill, and return when, in UTC microseconds."""
    pids = house.program.pids()
    one = {"camera": f"camera {name}", "inference": "inference detector"}.get(victim)
    if one is not None:
        os.kill(pids[one], signal.SIGKILL)
    elif victim == "all":
        os.killpg(house.program.process.pid, signal.SIGKILL)
    else:
        house.program.process.kill()
    killed_us = time.time_ns() // 1000
    if one is not None:
        wait_for(lambda: house.program.pids().get(one) not in (None, pids[one]), GONE_S + 5, "a new process")
    return killed_us


def restart(house: House, dice: random.Random) -> None:
    """Start it again soon; whatever the life before had started ends by itself."""
    old = house.group()
    house.reap()
    time.sleep(dice.choice((0.0, dice.uniform(0.0, 2.0))))
    house.start()
    wait_for(lambda: not any(map(psutil.pid_exists, old)), GONE_S, "the end of the processes of the life before")
