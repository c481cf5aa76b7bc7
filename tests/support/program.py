"""Runs the real program in a process of its own and speaks to its API; ends it, and only it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Program:
    """A running Guardian."""

    process: subprocess.Popen[str]
    url: str
    token: str
    data: Path
    first_line: dict[str, Any]
    log: list[str] = field(default_factory=list)

    def request(
        self, path: str, *, method: str = "GET", body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Call the API (or a page) with the token; return status and body, whatever the status."""
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers or {})
        request.add_header("Authorization", f"Bearer {self.token}")
        if data is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def get(self, path: str) -> Any:
        """Return a JSON answer; AssertionError on any status but 2xx."""
        status, body = self.request(path)
        assert 200 <= status < 300, f"{path}: {status} {body[:500]!r}"
        return json.loads(body)

    def camera(self, camera: str) -> dict[str, Any]:
        """State of one camera."""
        return self.get(f"/api/v1/cameras/{camera}")

    def pids(self) -> dict[str, int]:
        """Process ids by `role name`."""
        return {f"{p['role']} {p['name']}": p["pid"] for p in self.get("/api/v1/system")["processes"]}

    def stop(self, number: int = signal.SIGINT, within_s: float = 20) -> int:
        """End it in good order."""
        self.process.send_signal(number)
        return self.process.wait(within_s)


def wait_for(condition: Callable[[], Any], within_s: float, what: str = "it") -> Any:
    """Return the first true value of a condition; AssertionError when it stays false."""
    deadline = time.monotonic() + within_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {within_s} s; last: {value!r}")
        time.sleep(0.1)


def environment() -> dict[str, str]:
    """Return this process's environment with the checkout importable."""
    root = Path(__file__).parents[2]
    paths = [str(root), str(root / "plugins"), str(root / "frontend"), str(root / "relay"), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}


@contextlib.contextmanager
def guardian(
    *arguments: str,
    first_line_within_s: float = 60,
    data: Path | None = None,
    token: str = "",
    command: Sequence[str] = (sys.executable, "-m", "guardian"),
    env: Mapping[str, str] | None = None,
) -> Iterator[Program]:
    """Run `guardian ARGUMENTS` (demo or run, with --json) and yield once its first line is there."""
    process = subprocess.Popen(
        [*command, *arguments, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment() if env is None else env,
        start_new_session=True,
    )
    log: list[str] = []
    assert process.stdout is not None
    assert process.stderr is not None
    reader = threading.Thread(target=lambda: log.extend(process.stderr or ()), daemon=True)
    reader.start()
    timer = threading.Timer(first_line_within_s, process.kill)
    timer.start()
    line = process.stdout.readline()
    timer.cancel()
    try:
        if not line:
            reader.join(5)
            raise AssertionError(f"no first line; its log:\n{''.join(log)}")
        first = json.loads(line)
        yield Program(
            process, first.get("url", ""), first.get("token", token), Path(first.get("data", data or ".")), first, log
        )
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        process.stdout.close()
        reader.join(5)
        process.stderr.close()
