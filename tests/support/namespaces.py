"""A network as in life, in namespaces of the kernel: a home behind a NAT, and a relay with a public address.

home 192.168.7.2 ── nat 192.168.7.1 | 198.51.100.1 (masquerade) ── relay 198.51.100.2
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from typing import TypeVar

import pytest

CLONE_NEWNET = 0x40000000
PROGRAMS = ("ip", "nft", "wg", "wireguard-go")
HOME, RELAY = "192.168.7.2", "198.51.100.2"
ETH_P_ALL = 3
SO_RCVBUFFORCE, SOL_PACKET, PACKET_STATISTICS = 33, 263, 6
NAT = """
table ip nat {
  chain post {
    type nat hook postrouting priority 100
    oifname "n1" masquerade
  }
}
"""

NO_UDP = """
table ip noudp {
  chain forward {
    type filter hook forward priority 0
    meta l4proto udp drop
  }
}
"""


def require_lab() -> None:
    """Skip, saying why, where namespaces or programs are not to be had."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    lacking = [program for program in PROGRAMS if shutil.which(program) is None]
    if lacking:
        pytest.skip(f"there is no {', '.join(lacking)}: python tests/support/system_packages.py")
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        pytest.skip("/dev/net/tun cannot be opened")


def run(*argv: str, stdin: str = "") -> None:
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"{' '.join(argv)}: {done.stderr.strip()}")


class Lab:
    """The three namespaces; `inside(name)` moves this thread, and what it starts, into one."""

    def __init__(self) -> None:
        self.names = {name: f"g{os.getpid()}-{name}" for name in ("home", "nat", "relay")}

    def build(self) -> None:
        """Make everything; skips where the kernel gives no namespaces."""
        for name in self.names.values():
            try:
                run("ip", "netns", "add", name)
            except OSError as error:
                pytest.skip(f"no network namespaces here: {error}")
            run("ip", "-n", name, "link", "set", "lo", "up")
        self.lay()

    def lay(self) -> None:
        """Lay the wires."""
        self._wire("home", "h0", f"{HOME}/24", "nat", "n0", "192.168.7.1/24")
        self._wire("nat", "n1", "198.51.100.1/24", "relay", "r0", f"{RELAY}/24")
        self.ip("home", "route", "add", "default", "via", "192.168.7.1")
        with self.inside("nat"):
            run("sysctl", "-qw", "net.ipv4.ip_forward=1")
            run("nft", "-f", "-", stdin=NAT)

    def _wire(self, left: str, a: str, a_address: str, right: str, b: str, b_address: str) -> None:
        run("ip", "link", "add", a, "netns", self.names[left], "type", "veth", "peer", "name", b, "netns", self.names[right])
        for name, device, address in ((left, a, a_address), (right, b, b_address)):
            self.ip(name, "address", "add", address, "dev", device)
            self.ip(name, "link", "set", device, "up")

    def ip(self, name: str, *words: str) -> None:
        """Run `ip` in one of them."""
        run("ip", "-n", self.names[name], *words)

    def rebind(self, address: str) -> None:
        """The NAT gets another public address, at once: what it has translated is forgotten."""
        words = f"address flush dev n1\naddress add {address}/24 dev n1\n"
        run("ip", "-n", self.names["nat"], "-batch", "-", stdin=words)

    def limit(self, rate: str) -> None:
        """The home's uplink takes no more than this, as `tc` writes it."""
        with self.inside("nat"):
            run("tc", "qdisc", "replace", "dev", "n1", "root", "tbf", "rate", rate, "burst", "64kb", "latency", "50ms")

    @contextlib.contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """Move this thread into a namespace."""
        libc = ctypes.CDLL(None, use_errno=True)
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/var/run/netns/{self.names[name]}", os.O_RDONLY)
        try:
            if libc.setns(there, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            yield
        finally:
            libc.setns(before, CLONE_NEWNET)
            os.close(before)
            os.close(there)

    def block_udp(self) -> None:
        """The NAT lets no datagram out any more, as hotels do; what was let through before, neither."""
        with self.inside("nat"):
            run("nft", "-f", "-", stdin=NO_UDP)

    def destroy(self) -> None:
        """Take everything away."""
        for name in self.names.values():
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


LabT = TypeVar("LabT", bound=Lab)


@contextlib.contextmanager
def lab(kind: type[LabT] = Lab) -> Iterator[LabT]:  # type: ignore[assignment]
    """Build it; skips where the kernel refuses."""
    require_lab()
    one = kind()
    try:
        one.build()
        yield one
    finally:
        one.destroy()


class Capture:
    """Every frame on a link, from a thread of its own."""

    def __init__(self, lab: Lab, name: str, device: str) -> None:
        self._ending = threading.Event()
        self.data = bytearray()
        with lab.inside(name):
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 26)
        self._socket.bind((device, 0))
        self._lost = 0
        self._socket.settimeout(0.2)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ending.is_set():
            with contextlib.suppress(TimeoutError):
                self.data += self._socket.recv(65536)

    def lost(self) -> int:
        """How many frames came faster than they were taken."""
        seen = self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        self._lost += struct.unpack("II", seen)[1]  # the kernel begins anew each time it is asked
        return self._lost

    def end(self) -> bytes:
        """Stop; return what went by."""
        self._ending.set()
        self._thread.join(5)
        self._socket.close()
        return bytes(self.data)
