"""The only place that runs other programs: bounded time and output, no secret in argv, killed with its parent."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

MAX_OUTPUT = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program ended; output as text, cut at 1 MiB."""

    code: int
    out: str
    err: str


def run(argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"") -> Ran:
    """Run a program to its end. FileNotFoundError when there is none, TimeoutError when it took too long (it is ended)."""
    try:
        done = subprocess.run(list(argv), input=stdin, capture_output=True, timeout=timeout_s, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"{argv[0]} took longer than {timeout_s:g} s") from error
    return Ran(
        done.returncode,
        done.stdout[:MAX_OUTPUT].decode(errors="replace"),
        done.stderr[:MAX_OUTPUT].decode(errors="replace"),
    )


# Asks the kernel to end it with its parent (PR_SET_PDEATHSIG, SIGTERM), then becomes the program. A preexec_fn would do that, too,
# but with it Python forks for real, and what other libraries do at a fork in a process with threads may not end well: gRPC aborts.
_DIE_WITH_PARENT = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 15, 0, 0, 0); os.getppid() == int(sys.argv[1]) and os.execv(sys.argv[2], sys.argv[2:])"


class Child:
    """A program that runs until it is ended, or this process is."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = process.pid

    @property
    def code(self) -> int | None:
        """How it ended, or None while it runs."""
        return self._process.returncode

    async def wait(self) -> int:
        """Wait for its end."""
        return await self._process.wait()

    async def end(self, grace_s: float = 3.0) -> None:
        """End it; may be called twice."""
        if self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(grace_s):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


async def start(argv: Sequence[str], *, environment: dict[str, str] | None = None) -> Child:
    """Start a program that is to go on. Call it on the event loop's thread: the kernel ends the program when that thread ends.
    FileNotFoundError when there is none. What it prints is thrown away.
    """
    path = shutil.which(argv[0])
    if path is None:
        raise FileNotFoundError(argv[0])
    null = asyncio.subprocess.DEVNULL
    words = [sys.executable, "-ISc", _DIE_WITH_PARENT, str(os.getpid()), path, *argv[1:]]
    return Child(await asyncio.create_subprocess_exec(*words, stdin=null, stdout=null, stderr=null, env=environment))
