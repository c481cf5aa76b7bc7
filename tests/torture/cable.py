"""A cable to a camera that can be cut in the middle of a packet."""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import suppress

from tests.support.program import wait_for

RESET = struct.pack("ii", 1, 0)


class Cable:
    """Carries connections to a server, and can be cut: after so many bytes more, wherever in a packet that is."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._left: int | None = None
        self._reset = False
        self._cut_us: list[int] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                camera, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._to))
                except OSError:
                    camera.close()
                    continue
                for source, sink in ((camera, server), (server, camera)):
                    threading.Thread(target=self._carry, args=(source, sink, sink is camera), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, is_media: bool) -> None:
        with suppress(OSError):
            while data := source.recv(4096):
                if is_media and self._left is not None:
                    self._left -= len(data)
                    if self._left <= 0:
                        sink.sendall(data[: self._left or None])
                        break
                sink.sendall(data)
        cut = is_media and self._left is not None and self._left <= 0
        for end in (source, sink):
            with suppress(OSError):
                if cut and self._reset:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    end.shutdown(socket.SHUT_RD)  # wakes who reads from it, and sends nothing
                else:
                    end.shutdown(socket.SHUT_RDWR)
            end.close()
        if cut:
            self._left = None
            self._cut_us.append(time.time_ns() // 1000)

    def cut(self, after: int, *, reset: bool) -> int:
        """Cut it, by a reset or by a quiet end; return when, in UTC microseconds."""
        before = len(self._cut_us)
        self.cut_soon(after, reset=reset)
        wait_for(lambda: len(self._cut_us) > before, 10, "the cut")
        return self._cut_us[-1]

    def cut_soon(self, after: int, *, reset: bool) -> None:
        """Let it be cut once so many bytes more have come."""
        self._reset, self._left = reset, after

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()
