"""What a process gives up, and what it keeps."""

import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

LARGE = 1 << 20
COUNT_FAULTS = f"""
import resource, sys
from guardian.platform.limits import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
bytes(b"x" * {LARGE})
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for n in range(50):
    held = [b"%d" % n * {LARGE // 2}, b"%d" % n * {LARGE // 2}]
    del held
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc")
def test_memory_that_is_needed_again_soon_is_not_fetched_anew():
    kept, given_back = (
        int(subprocess.run([sys.executable, "-c", COUNT_FAULTS, how], capture_output=True, text=True, check=True).stdout)
        for how in ("keep", "")
    )
    assert kept < given_back / 4


# what a process that holds keys gives up

ROOT = Path(__file__).parents[3]
HOLD = """
import ctypes, resource, sys
if sys.argv[1] == "hardened":
    from guardian.platform.limits import harden
    harden()
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), flush=True)  # PR_GET_DUMPABLE
sys.stdin.read()
"""
LOOK = "import sys; open(f'/proc/{sys.argv[1]}/environ', 'rb').read(); print('read')"


def holding(python: str, how: str, **more: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [python, "-c", HOLD, how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd="/",
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        **more,
    )


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_it_dumps_no_core_whatever_would_take_it():
    for how, expected in (("hardened", "(0, 0) 0"), ("bare", f"{resource.getrlimit(resource.RLIMIT_CORE)} 1")):
        with holding(sys.executable, how) as process:
            assert first_line(process) == expected
            process.communicate("")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_other_processes_of_its_user_cannot_look_into_it():
    """As the user `nobody` where the tests run as root, who may look into everything."""
    user = {"user": 65534} if os.geteuid() == 0 else {}
    python = next((one for one in (sys.executable, "/usr/bin/python3") if runs(one, **user)), None)
    if python is None:
        pytest.skip("another user can run no Python here that can read this checkout")
    for how, reads in (("bare", True), ("hardened", False)):
        with holding(python, how, **user) as process:
            assert first_line(process)
            look = subprocess.run(
                [python, "-c", LOOK, str(process.pid)], capture_output=True, text=True, cwd="/", check=False, **user
            )
            process.communicate("")
        assert (look.stdout.strip() == "read") is reads, (how, look.stderr)
        assert reads or "PermissionError" in look.stderr


def runs(python: str, **user: Any) -> bool:
    try:
        with holding(python, "hardened", **user) as process:
            return first_line(process) != ""
    except OSError:
        return False
