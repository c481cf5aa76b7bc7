"""A TCP connection to a camera, with room for what comes while nobody reads."""

from __future__ import annotations

import socket
from pathlib import Path

RECEIVE_BUFFER = 4 * 1024 * 1024  # asked of the kernel where it may be had: its own grows too slowly for who reads seldom
RECEIVE_MOST = Path("/proc/sys/net/core/rmem_max")


def connected(host: str, port: int, timeout_s: float) -> socket.socket:
    """Connect as `socket.create_connection` does, with room for seconds of video where the kernel grants it."""
    fault: OSError | None = None
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        try:
            if _may_receive() >= RECEIVE_BUFFER // 2:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            sock.settimeout(timeout_s)
            sock.connect(address)
            return sock
        except OSError as error:
            sock.close()
            fault = error
    raise fault or OSError("the name has no address")


def _may_receive() -> int:
    """Return the largest receive buffer that may be asked for; asking for less than the kernel would grow to does harm."""
    try:
        return int(RECEIVE_MOST.read_text())
    except (OSError, ValueError):
        return 0
