"""Typed messages over a stream socket: `u32 json length | u32 payload length | JSON | payload`, big endian.

JSON is validated against `model.messages.Message` on receipt: a process that speaks to hostile cameras cannot make its
reader run code, as pickle could.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from guardian.model.messages import Message

_HEAD = struct.Struct(">II")
MAX_JSON = 4 * 1024 * 1024
MAX_PAYLOAD = 32 * 1024 * 1024
_adapter: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])


class LinkClosed(ConnectionError):
    """The other side has gone, or sent what is no message."""


def encode(message: Message, payload: bytes = b"") -> bytes:
    """Return a message's bytes on the wire."""
    text = _adapter.dump_json(message)
    return b"".join((_HEAD.pack(len(text), len(payload)), text, payload))


def _decode(text: bytes) -> Message:
    try:
        return _adapter.validate_json(text)
    except ValidationError as error:
        raise LinkClosed(f"no message: {error.error_count()} faults") from error


def _lengths(head: bytes) -> tuple[int, int]:
    text, payload = _HEAD.unpack(head)
    if text > MAX_JSON or payload > MAX_PAYLOAD:
        raise LinkClosed(f"message of {text} + {payload} bytes is over the limit")
    return text, payload


class BlockingLink:
    """For camera and inference threads. `send` may be called from several threads, `receive` from one."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._lock = threading.Lock()

    def fileno(self) -> int:
        """Descriptor, for select."""
        return self._sock.fileno()

    def send(self, message: Message, payload: bytes = b"", fd: int | None = None) -> None:
        """Send one message; `fd` rides along as SCM_RIGHTS."""
        data = encode(message, payload)
        try:
            with self._lock:
                if fd is not None:
                    socket.send_fds(self._sock, [data[:1]], [fd])
                    data = data[1:]
                self._sock.sendall(data)
        except OSError as error:
            raise LinkClosed(str(error)) from error

    def receive(self) -> tuple[Message, bytes]:
        """Wait for one message."""
        return self._receive(self._exactly(_HEAD.size))

    def receive_with_fd(self) -> tuple[Message, bytes, int | None]:
        """Wait for one message that may carry a descriptor."""
        try:
            first, fds, _, _ = socket.recv_fds(self._sock, 1, 1)
        except OSError as error:
            raise LinkClosed(str(error)) from error
        if not first:
            raise LinkClosed("closed")
        message, payload = self._receive(first + self._exactly(_HEAD.size - 1))
        return message, payload, fds[0] if fds else None

    def _receive(self, head: bytes) -> tuple[Message, bytes]:
        text_size, payload_size = _lengths(head)
        text = self._exactly(text_size)
        return _decode(text), self._exactly(payload_size)

    def _exactly(self, size: int) -> bytes:
        if size == 0:
            return b""
        data = bytearray(size)
        view, got = memoryview(data), 0
        while got < size:
            try:
                n = self._sock.recv_into(view[got:])
            except OSError as error:
                raise LinkClosed(str(error)) from error
            if n == 0:
                raise LinkClosed("closed")
            got += n
        return bytes(data)

    def close(self) -> None:
        """Hang up; a `receive` in another thread ends with LinkClosed."""
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._sock.close()


def connect(path: str, timeout_s: float = 5.0) -> BlockingLink:
    """Connect to a process that listens at a unix socket; LinkClosed when nobody does."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout_s)
        sock.connect(path)
        sock.settimeout(None)
    except OSError as error:
        sock.close()
        raise LinkClosed(str(error)) from error
    return BlockingLink(sock)


class AsyncLink:
    """For the conductor."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def send(self, message: Message, payload: bytes = b"") -> None:
        """Queue one message; never blocks (what is sent to a camera is small and rare)."""
        if not self._writer.is_closing():
            self._writer.write(encode(message, payload))

    async def receive(self) -> tuple[Message, bytes]:
        """Wait for one message."""
        try:
            text_size, payload_size = _lengths(await self._reader.readexactly(_HEAD.size))
            text = await self._reader.readexactly(text_size)
            payload = await self._reader.readexactly(payload_size) if payload_size else b""
        except (asyncio.IncompleteReadError, OSError) as error:
            raise LinkClosed("closed") from error
        return _decode(text), payload

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            pass
