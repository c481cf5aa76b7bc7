"""The power fails at random moments while four cameras record: what was made durable is there, and all goes on by itself.

GUARDIAN_TORTURE_ROUNDS cuts (12 unless told), GUARDIAN_TORTURE_SEED repeats a run: a failure names its seed. `small_disk` says how
the power is cut, and what that does not show.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from contextlib import suppress

import psutil
import pytest

from guardian.services.demo import CLIP
from guardian.vault.keyring import Keyring
from tests.support.house import PASSPHRASE, camera, command, set_up
from tests.support.program import guardian, wait_for
from tests.torture.footage import Footage, last_end_us, of
from tests.torture.small_disk import small_disk

ROUNDS = int(os.environ.get("GUARDIAN_TORTURE_ROUNDS", "12"))
SEED = int(os.environ.get("GUARDIAN_TORTURE_SEED", str(random.randrange(1 << 32))))
PATTERNS = ("yard", "door", "hall")
CAMERAS = (*PATTERNS, "demo")
GOP_S, FSYNC_S = 1.0, 2.0  # of the test pattern and the demo clip; `record.fsync_s` unless told
LOSS_S = FSYNC_S + GOP_S + 0.5  # the bound that docs/format.md gives, and half a second for a machine that is busy

pytestmark = [pytest.mark.torture, pytest.mark.timeout(120 + 60 * ROUNDS)]


@pytest.fixture
def disk(tmp_path):
    made = small_disk(tmp_path)
    try:
        yield made
    finally:
        made.close()


def set_up_house(data):
    sources = [
        camera(name, "testpattern", {"width": 320, "height": 240, "fps": 10}, "record.segment_s = 7\n") for name in PATTERNS
    ]
    sources.append(f'[cameras.demo]\nkind = "file"\nsource = {{ path = "{CLIP}" }}\nrecord.segment_s = 7\n')
    set_up(data, "[storage]\nreserve_gb = 0\n" + "".join(sources))


def kill_all(program):
    """End every process of this life, as the cut does."""
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(process.pid) == program.process.pid:
                os.kill(process.pid, signal.SIGKILL)
    program.process.wait(10)


def let_go(disk):
    """Take the disk out once the last of them has closed its files."""
    for _ in range(50):
        try:
            disk.unmount()
            return
        except subprocess.CalledProcessError:
            time.sleep(0.1)
    disk.unmount()


def one_life(disk, data, dice, token):
    """Record, cut the power at a random moment, come back; return when it was cut."""
    with guardian("run", "--data", str(data), data=data) as program:
        program.token = token or command("token", "create", "torture", "--data", str(data))["token"]
        wait_for(lambda: all(program.camera(one)["recording"] for one in CAMERAS), 30, "recording")
        time.sleep(dice.uniform(2.0, 7.0))
        disk.cut()
        cut_us = time.time_ns() // 1000
        time.sleep(dice.choice((0.0, 0.3)))  # it may notice, and try to mend what cannot be mended
        kill_all(program)
    let_go(disk)
    disk.mount()
    return program.token, cut_us


def test_the_power_fails_at_random_moments(disk, tmp_path):
    dice, data = random.Random(SEED), disk.folder / "data"
    set_up_house(data)
    subprocess.run(["sync"], check=True)  # the vault is made, and its owner has written down the passphrase
    config, token = (data / "config.toml").read_bytes(), ""
    before = {}
    for number in range(ROUNDS):
        told = f"round {number} of seed {SEED}"
        token, cut_us = one_life(disk, data, dice, token)
        assert (data / "config.toml").read_bytes() == config, f"{told}: the configuration changed"
        Keyring.load(data / "vault").unlock(PASSPHRASE)
        footage = Footage(data)
        with guardian("run", "--data", str(data), data=data) as program:
            program.token = token
            wait_for(lambda program=program: all(program.camera(one)["recording"] for one in CAMERAS), 30, "recording")
            found = footage.fragments()
            footage.open_all()
            checked = command("index", "check", "--data", str(data))
            assert checked["ok"], (told, checked["items"])
            missing = {one: round((cut_us - last_end_us(found, one, cut_us)) / 1e6, 2) for one in CAMERAS}
            assert all(seconds <= LOSS_S for seconds in missing.values()), f"{told}: {missing}\n{''.join(program.log[-30:])}"
            kept = {path: rows for path, rows in before.items() if found.get(path, ())[: len(rows)] != rows}
            assert not kept, f"{told}: what an earlier life had recorded has gone: {sorted(kept)}"
        print(f"{told}: missing seconds {missing}", flush=True)
        before = footage.fragments()
    assert footage.tidy() == []
    assert footage.play_all(tmp_path) == []
    assert all(len(of(before, one)) > ROUNDS for one in CAMERAS)
