"""A Redis of our own for tests."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time

from tests.support.postgres import free_port


def why_not() -> str:
    return "" if shutil.which("redis-server") else "Redis is not installed (apt: redis-server)"


class RedisServer:
    def __init__(self, folder):
        self.folder, self.port = folder, free_port()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self):
        argv = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        argv += ["--rdbcompression", "no", "--dir", str(self.folder)]  # so that what it saves can be searched
        self.process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.05)
        raise AssertionError("Redis did not start")

    def stop(self):
        self.process.kill()
        self.process.wait(10)
