"""The only place that runs other programs: no secret in an argument, bounded time and output, ended with this process."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass

# Asks the kernel to end it with its parent (PR_SET_PDEATHSIG, SIGTERM), then becomes the program. A preexec_fn would fork for real,
# and gRPC aborts when a process with its threads does.
_DIE_WITH_PARENT = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 15, 0, 0, 0); os.getppid() == int(sys.argv[1]) and os.execv(sys.argv[2], sys.argv[2:])"
MAX_OUTPUT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program ended."""

    code: int
    out: str
    err: str


async def run(argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 10.0) -> Ran:
    """Run a program to its end. FileNotFoundError when there is none, TimeoutError when it took too long (it is ended)."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        async with asyncio.timeout(timeout_s):
            out, err = await process.communicate(stdin)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise TimeoutError(f"{argv[0]} took longer than {timeout_s:g} s") from None
    return Ran(process.returncode or 0, *(text[:MAX_OUTPUT].decode(errors="replace") for text in (out, err)))


async def start(argv: Sequence[str]) -> asyncio.subprocess.Process:
    """Start a program that goes on until it, or this process, is ended. Call it on the event loop's thread. FileNotFoundError."""
    path = shutil.which(argv[0])
    if path is None:
        raise FileNotFoundError(argv[0])
    null = asyncio.subprocess.DEVNULL
    words = [sys.executable, "-ISc", _DIE_WITH_PARENT, str(os.getpid()), path, *argv[1:]]
    return await asyncio.create_subprocess_exec(*words, stdin=null, stdout=null, stderr=null)


async def end(process: asyncio.subprocess.Process) -> None:
    """End it; may be called twice."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(3.0):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
