"""Whether this machine lets a tunnel open, and what to do where it does not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from guardian.sdk import Finding, Health

_CAP_NET_ADMIN = 12
CHECK = "relay tunnel"


def may_change_network(status: Path = Path("/proc/self/status")) -> bool:
    """Whether this process has CAP_NET_ADMIN."""
    try:
        lines = status.read_text(encoding="ascii").splitlines()
        return bool(next(int(line.split()[1], 16) for line in lines if line.startswith("CapEff:")) >> _CAP_NET_ADMIN & 1)
    except (OSError, StopIteration, ValueError, IndexError):
        return False


def obstacles(*, kernel: Path = Path("/sys/module/wireguard"), tun: Path = Path("/dev/net/tun")) -> Iterator[Finding]:
    """Yield what is in the way."""
    for program, package in (("wg", "wireguard-tools"), ("ip", "iproute2"), ("nft", "nftables")):
        if shutil.which(program) is None:
            yield Finding(CHECK, Health.WARNING, f"there is no program `{program}`", f"apt install {package}")
    if not may_change_network():
        yield Finding(
            CHECK,
            Health.WARNING,
            "Guardian may not make a tunnel: it lacks the right CAP_NET_ADMIN",
            "Run it by a systemd unit with AmbientCapabilities=CAP_NET_ADMIN (docs/howto/relay.md).",
        )
    if kernel.exists():
        return
    if shutil.which("wireguard-go") is None:
        yield Finding(
            CHECK,
            Health.INFO,
            "WireGuard is not loaded in the kernel, and there is no wireguard-go",
            "Where joining fails: apt install wireguard-go",
        )
    elif not os.access(tun, os.R_OK | os.W_OK):
        yield Finding(
            CHECK,
            Health.WARNING,
            f"wireguard-go cannot open {tun}",
            "`modprobe tun`, or give the container that device.",
        )


def findings(joined: bool) -> Iterator[Finding]:
    """What `guardian doctor` says. Where no relay is joined nothing is wrong, whatever lacks."""
    if not joined:
        yield Finding(CHECK, Health.INFO, "no relay is joined", "")
        return
    found = list(obstacles())
    yield from found
    if not found:
        yield Finding(CHECK, Health.OK, "this machine lets the tunnel open")
