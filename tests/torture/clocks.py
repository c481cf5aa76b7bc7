"""Wall clocks of single programs that a test sets as it likes, through a library that is preloaded (`wall_clock.c`)."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest


def library(folder: Path) -> Path:
    """Compile it; skips where there is no compiler."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    made = folder / "wall_clock.so"
    source = Path(__file__).with_name("wall_clock.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", str(made), str(source), "-ldl"], check=True)
    return made


class WallClock:
    """The wall clock that a program sees which is started with this environment."""

    def __init__(self, file: Path, made: Path) -> None:
        self._file = file
        self.environment = {"GUARDIAN_TEST_CLOCK": str(file), "LD_PRELOAD": str(made)}
        self.set(0)

    def set(self, shift_us: int) -> None:
        """Show a time so far from the true one."""
        with self._file.open("r+b" if self._file.exists() else "wb", buffering=0) as file:
            file.write(struct.pack("q", shift_us))
