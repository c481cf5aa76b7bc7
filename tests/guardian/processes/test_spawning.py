"""The forkserver begins before the conductor's libraries are imported, and imports its own meanwhile."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
BEGIN = """
import sys
from guardian.processes.spawning import begin
runtime = begin()
heavy = {"aiohttp", "sqlalchemy", "pydantic", "cryptography", "av", "numpy"} & sys.modules.keys()
assert not heavy, heavy
from multiprocessing import forkserver
address = forkserver._forkserver._forkserver_address
assert address.startswith(str(runtime.path)), address
from guardian.processes.spawning import start_process
process = start_process("os:_exit", 7, "probe")
process.join(60)
print(process.exitcode)
runtime.close()
"""
PRELOAD = "import gc, guardian.processes.preload as p; print(gc.get_freeze_count() > 10_000)"


def say(code: str) -> str:
    env = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}"}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True).stdout.strip()


def test_a_child_starts_from_a_server_that_began_before_anything_heavy_was_imported():
    assert say(BEGIN) == "7"


def test_what_children_share_is_left_alone_by_their_collectors():
    assert say(PRELOAD) == "True"
