"""The network of all three tiers, in namespaces of the kernel: each machine of the thread in one of its own, with no path but as in life.

home 192.168.7.2 ── nat 192.168.7.1 | 198.51.100.1 (masquerade; lets in answers only) ──┐
relay 198.51.100.2, cloud 198.51.100.3, viewer 198.51.100.4, world 198.51.100.5 ────────┴─ net (a bridge: the Internet)

`world` is everything else that a home and a cloud call: the identity provider, a push service, an archive provider.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

from tests.support.namespaces import HOME, RELAY, Lab, run

CLOUD, VIEWER, WORLD = "198.51.100.3", "198.51.100.4", "198.51.100.5"
PUBLIC = {"nat": "198.51.100.1", "relay": RELAY, "cloud": CLOUD, "viewer": VIEWER, "world": WORLD}
DEVICES = {
    "nat": "n1",
    "relay": "r0",
    "cloud": "c0",
    "viewer": "v0",
    "world": "w0",
}  # each one's end of its wire to the Internet
# every link, as seen from one of its ends; within the cloud's machine what it says to its own servers
LINKS = {"home": ("nat", "n0"), "loopback of relay": ("relay", "lo"), "loopback of cloud": ("cloud", "lo")} | {
    f"{name} to the Internet": (name, device) for name, device in DEVICES.items()
}
FIREWALL = """
table ip nat {
  chain post {
    type nat hook postrouting priority 100
    oifname "n1" masquerade
  }
}
table ip filter {
  chain forward {
    type filter hook forward priority 0; policy drop
    iifname "n0" accept
    ct state established,related accept
  }
}
"""
CUT = """
table ip {table} {{
  chain inwards {{
    type filter hook input priority -300
    ip saddr {peer} drop
  }}
  chain outwards {{
    type filter hook output priority -300
    ip daddr {peer} drop
  }}
}}
"""
T = TypeVar("T")


class Internet(Lab):
    """The namespaces."""

    def __init__(self) -> None:
        super().__init__()
        self.names |= {name: f"g{os.getpid()}-{name}" for name in ("net", "cloud", "viewer", "world")}

    def lay(self) -> None:
        """Lay the wires."""
        self._wire("home", "h0", f"{HOME}/24", "nat", "n0", "192.168.7.1/24")
        self.ip("home", "route", "add", "default", "via", "192.168.7.1")
        self.ip("net", "link", "add", "b0", "type", "bridge")
        self.ip("net", "link", "set", "b0", "up")
        for name, address in PUBLIC.items():
            self._plug(name, DEVICES[name], address)
        with self.inside("nat"):
            run("sysctl", "-qw", "net.ipv4.ip_forward=1")
            run("nft", "-f", "-", stdin=FIREWALL)

    @contextlib.contextmanager
    def cut(self, here: str, there: str) -> Iterator[None]:
        """Cut what goes between two machines of the Internet, without a word to either: what is sent is never heard of again."""
        table = f"cut_{there}"
        with self.inside(here):
            run("nft", "-f", "-", stdin=CUT.format(table=table, peer=PUBLIC[there]))
        try:
            yield
        finally:
            with self.inside(here):
                run("nft", "delete", "table", "ip", table)

    def _plug(self, name: str, device: str, address: str) -> None:
        socket = f"p-{name}"
        run("ip", "link", "add", device, "netns", self.names[name], "type", "veth", "peer", "name", socket, "netns", self.names["net"])  # fmt: skip
        self.ip("net", "link", "set", socket, "master", "b0")
        self.ip("net", "link", "set", socket, "up")
        self.ip(name, "address", "add", f"{address}/24", "dev", device)
        self.ip(name, "link", "set", device, "up")


class There:
    """A thread with an event loop in one of the namespaces: what is done by it is done at that machine."""

    def __init__(self, network: Lab, name: str) -> None:
        self._network, self._name = network, name
        self._loop, self._ready = asyncio.new_event_loop(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(20)

    def _run(self) -> None:
        with self._network.inside(self._name):
            asyncio.set_event_loop(self._loop)
            self._loop.call_soon(self._ready.set)
            self._loop.run_forever()

    def do(self, work: Coroutine[Any, Any, T], within_s: float = 60) -> T:
        """Do something there; return what comes of it."""
        return self.begin(work).result(within_s)

    def begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin something there."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """End the thread; whatever is under way there is let go."""
        self.do(_cancel_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


async def _cancel_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for one in others:
        one.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0.25)  # TLS connections say goodbye
    await asyncio.get_running_loop().shutdown_default_executor()
