"""Installs the system programs that tests use, when it may (root on Debian or Ubuntu); otherwise lists what is missing.

A test that needs a missing program skips itself and says so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

# program or file that shows that a package is there → package
NEEDED = {
    "ffmpeg": "ffmpeg",
    "ffprobe": "ffmpeg",
    "chromium": "chromium",
    "umockdev-wrapper": "umockdev",
    "wg": "wireguard-tools",
    "wireguard-go": "wireguard-go",
    "ip": "iproute2",
    "nft": "nftables",
    "/usr/lib/postgresql/*/bin/initdb": "postgresql",
    "/usr/lib/python3/dist-packages/gi": "python3-gi",
    "/usr/lib/*/girepository-1.0/GstRtspServer-1.0.typelib": "gir1.2-gst-rtsp-server-1.0",
    "/usr/lib/*/gstreamer-1.0/libgstapp.so": "gstreamer1.0-plugins-base",
    "/usr/lib/*/gstreamer-1.0/libgstrtp.so": "gstreamer1.0-plugins-good",
    "/usr/lib/*/gstreamer-1.0/libgstvideoparsersbad.so": "gstreamer1.0-plugins-bad",
}
# Servers that take long to install; only the torture tests ask for them: `system_packages.py --servers`.
SERVERS = {
    "redis-server": "redis-server",
    "/usr/lib/rabbitmq/lib/*/sbin/rabbitmq-server": "rabbitmq-server",
}
# What only benchmarks compare with: `system_packages.py --bench`.
BENCH = {"iperf3": "iperf3"}
OPTIONS = {"--servers": SERVERS, "--bench": BENCH}


def _there(sign: str) -> bool:
    if not sign.startswith("/"):
        return shutil.which(sign) is not None
    return any(Path("/").glob(sign.lstrip("/")))


def missing(needed: dict[str, str]) -> list[str]:
    """Return the packages whose sign is not there."""
    return sorted({package for sign, package in needed.items() if not _there(sign)})


def main(arguments: list[str]) -> int:
    """Install, or say what is missing; never fails, because tests skip what lacks."""
    needed = dict(NEEDED)
    for option, more in OPTIONS.items():
        if option in arguments:
            needed |= more
    wanted = missing(needed)
    if not wanted:
        return 0
    if os.geteuid() == 0 and shutil.which("apt-get"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (
            ["apt-get", "update", "-qq"],
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *wanted],
        ):
            done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
            if done.returncode != 0:
                sys.stderr.write(f"{' '.join(command[:2])} failed with {done.returncode}\n")
    if still := missing(needed):
        sys.stderr.write(f"missing system packages, tests that need them skip: {' '.join(still)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
