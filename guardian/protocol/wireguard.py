"""What `wg` and `ip` are told, and what they say. Pure: who calls runs the programs.

Keys go to `wg` on standard input: in no argument, in no file. `wg show IF dump` is never asked for, because it prints them.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

KEEPALIVE_S = 25  # below the 30 s after which the shortest-lived NAT entries go (RFC 4787 wants 2 min, home routers differ)
MTU = 1420  # 1500 less IPv6, UDP and WireGuard's 32; `ip link` takes it for both directions
REJECT_AFTER_S = 180  # WireGuard's REJECT_AFTER_TIME: a session that is older is none


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end. `endpoint` is empty where it is learnt from what comes."""

    public_key: bytes
    preshared_key: bytes
    address: str
    endpoint: str = ""
    keepalive_s: int = 0


@dataclass(frozen=True, slots=True)
class Interface:
    """One end. `listen_port` 0: any."""

    name: str
    private_key: bytes
    address: str
    listen_port: int
    peers: tuple[Peer, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """How a peer is. `handshake_s`: UTC of the last one, 0 for none so far."""

    handshake_s: int
    received: int
    sent: int
    endpoint: str


def make_private_key() -> bytes:
    """Return a fresh private key."""
    return X25519PrivateKey.generate().private_bytes_raw()


def public_key(private: bytes) -> bytes:
    """Return a private key's public one."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def config(one: Interface) -> bytes:
    """Return what `wg setconf` and `wg syncconf` take on standard input."""
    lines = ["[Interface]", f"PrivateKey = {_b64(one.private_key)}"]
    if one.listen_port:
        lines.append(f"ListenPort = {one.listen_port}")
    for peer in one.peers:
        lines += ["[Peer]", f"PublicKey = {_b64(peer.public_key)}", f"PresharedKey = {_b64(peer.preshared_key)}"]
        lines.append(f"AllowedIPs = {peer.address}/128")
        if peer.endpoint:
            lines.append(f"Endpoint = {peer.endpoint}")
        if peer.keepalive_s:
            lines.append(f"PersistentKeepalive = {peer.keepalive_s}")
    return "\n".join([*lines, ""]).encode()


def add_kernel(name: str) -> list[str]:
    """The kernel's own WireGuard."""
    return ["ip", "link", "add", "dev", name, "type", "wireguard"]


def add_userspace(name: str) -> list[str]:
    """WireGuard as a program, in the foreground: whoever starts it ends it."""
    return ["wireguard-go", "-f", name]


def configure(name: str, *, keep_sessions: bool) -> list[str]:
    """Take up `config` from standard input; `keep_sessions` where peers stay that were there before."""
    return ["wg", "syncconf" if keep_sessions else "setconf", name, "/dev/stdin"]


def bring_up(one: Interface) -> list[list[str]]:
    """Address, size and routes."""
    return [
        ["ip", "-6", "address", "replace", f"{one.address}/128", "dev", one.name, "nodad"],
        ["ip", "link", "set", "dev", one.name, "mtu", str(MTU), "up"],
        *(["ip", "-6", "route", "replace", f"{peer.address}/128", "dev", one.name] for peer in one.peers),
    ]


def close_off(name: str, port: int | None) -> tuple[list[str], bytes]:
    """Let nothing of the other end in but answers, and calls of one TCP port: whatever else listens on this machine, at `::` perhaps,
    is not for it. Nothing is forwarded, either. Return the command and its standard input, which replaces what was before.
    """
    table = _table(name)
    call = f"    tcp dport {port} accept\n" if port is not None else ""
    rules = f"""
table inet {table}
delete table inet {table}
table inet {table} {{
  chain input {{
    type filter hook input priority -10; policy accept;
    iifname != "{name}" accept
    ct state established,related accept
    meta l4proto ipv6-icmp accept
{call}    drop
  }}
  chain forward {{
    type filter hook forward priority -10; policy accept;
    iifname "{name}" drop
    oifname "{name}" drop
  }}
}}
"""
    return ["nft", "-f", "-"], rules.encode()


def open_again(name: str) -> list[str]:
    """Take those rules away, with the interface."""
    return ["nft", "delete", "table", "inet", _table(name)]


def _table(name: str) -> str:
    return f"guardian_{name.replace('-', '_')}"


def remove(name: str) -> list[str]:
    """Take the interface away."""
    return ["ip", "link", "delete", "dev", name]


def look(name: str) -> list[list[str]]:
    """What `seen` wants the output of, in this order."""
    return [["wg", "show", name, what] for what in ("latest-handshakes", "transfer", "endpoints")]


def seen(handshakes: str, transfer: str, endpoints: str) -> dict[bytes, Seen]:
    """Return how each peer is, by its public key."""
    tables = [dict(_row(line) for line in text.splitlines() if "\t" in line) for text in (handshakes, transfer, endpoints)]
    found = {}
    for key, (handshake, *_) in tables[0].items():
        received, sent = (*tables[1].get(key, ()), "0", "0")[:2]
        endpoint = (*tables[2].get(key, ()), "")[0]
        found[base64.b64decode(key)] = Seen(int(handshake), int(received), int(sent), endpoint.replace("(none)", ""))
    return found


def _row(line: str) -> tuple[str, tuple[str, ...]]:
    key, *values = line.split("\t")
    return key, tuple(values)


def _b64(key: bytes) -> str:
    return base64.b64encode(key).decode()
