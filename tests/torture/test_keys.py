"""`kill -9` of the recorder while its keys are changed: the vault opens with the old or the new secret, and every file opens.

GUARDIAN_TORTURE_ROUNDS kills (6 unless told), GUARDIAN_TORTURE_SEED repeats a run: a failure names its seed.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from guardian.model.errors import WrongPassphrase
from guardian.vault.keyring import Keyring
from tests.support.house import PASSPHRASE, camera, command, running, set_up
from tests.support.program import environment, wait_for

ROUNDS = int(os.environ.get("GUARDIAN_TORTURE_ROUNDS", "6"))
SEED = int(os.environ.get("GUARDIAN_TORTURE_SEED", str(random.randrange(1 << 32))))

pytestmark = [pytest.mark.torture, pytest.mark.timeout(60 + 40 * ROUNDS)]


def call(*words: str, data: Path) -> subprocess.Popen[str]:
    """Begin a command."""
    argv = [sys.executable, "-m", "guardian", "vault", *words, "--data", str(data), "--json"]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment())


def opens_with(data: Path, *passphrases: str) -> str:
    for passphrase in passphrases:
        try:
            Keyring.load(data / "vault").unlock(passphrase)
        except WrongPassphrase:
            continue
        return passphrase
    raise AssertionError(f"seed {SEED}: no passphrase opens the vault")


def test_keys_survive_whatever_moment_it_is_killed_at(tmp_path):
    chance, data = random.Random(SEED), tmp_path / "house"
    set_up(data, camera("yard", "testpattern", {}))
    old, new, told = PASSPHRASE, "another passphrase for tests", 0
    (tmp_path / "new").write_text(new + "\n")
    for _ in range(ROUNDS):
        (data / "passphrase").write_text(old + "\n")
        with running(data) as program:
            wait_for(lambda: program.camera("yard")["recording"], 30, "recording")
            words = chance.choice((("rotate",), ("change-passphrase", "--new-passphrase-file", str(tmp_path / "new"))))
            changing = call(*words, "--passphrase-file", str(data / "passphrase"), data=data)
            time.sleep(chance.uniform(0.7, 2.2))  # the command needs most of it to begin
            os.kill(program.process.pid, signal.SIGKILL)
            program.process.wait(10)
            out, _ = changing.communicate(timeout=60)
        answer = json.loads(out.splitlines()[-1]) if out.strip() else {}
        told = max(told, int(answer.get("epoch", 0)))
        right = opens_with(data, old, new)
        assert right == new or "changed" not in answer, f"seed {SEED}: it said that it was changed"
        if right == new:
            old, new = new, old
            (tmp_path / "new").write_text(new + "\n")
        assert Keyring.load(data / "vault").epoch >= told, f"seed {SEED}: an epoch that was told is gone"
        (data / "passphrase").write_text(old + "\n")
        found = command("vault", "verify", "--passphrase-file", str(data / "passphrase"), "--data", str(data))
        assert found["whole"], (SEED, found)
