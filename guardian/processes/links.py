"""The socket at which camera and inference processes report to the conductor. Who does not know the start's secret is hung up on."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from guardian.model.messages import Hello, Message
from guardian.platform.ipc import AsyncLink, LinkClosed

_log = structlog.get_logger(__name__)
HELLO_WITHIN_S = 5.0

Receive = Callable[[str, Message, bytes], Awaitable[None]]


class Switchboard:
    """Links by role and name. A second process of one name replaces the first."""

    def __init__(self, path: Path, secret: str, receive: dict[str, Receive], gone: Callable[[str, str], None]) -> None:
        self._path, self._secret = path, secret
        self._receive, self._gone = receive, gone
        self._links: dict[tuple[str, str], AsyncLink] = {}
        self._server: asyncio.Server | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    async def open(self) -> None:
        """Begin to listen."""
        self._server = await asyncio.start_unix_server(self._accept, str(self._path))
        self._path.chmod(0o600)

    def send(self, role: str, name: str, message: Message, payload: bytes = b"") -> bool:
        """Send to one process; False while it is not there."""
        link = self._links.get((role, name))
        if link is None:
            return False
        link.send(message, payload)
        return True

    def send_all(self, role: str, message: Message, payload: bytes = b"") -> None:
        """Send to every process of a role."""
        for (their_role, name), _ in list(self._links.items()):
            if their_role == role:
                self.send(role, name, message, payload)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = AsyncLink(reader, writer)
        key: tuple[str, str] | None = None
        try:
            async with asyncio.timeout(HELLO_WITHIN_S):
                hello, _ = await link.receive()
            if (
                not isinstance(hello, Hello)
                or not hmac.compare_digest(hello.secret, self._secret)
                or hello.role not in self._receive
            ):
                _log.warning("link_refused")
                return
            key = (hello.role, hello.name)
            self._links[key] = link
            self._empty.clear()
            receive = self._receive[hello.role]
            while True:
                message, payload = await link.receive()
                await receive(hello.name, message, payload)
        except (LinkClosed, TimeoutError):
            pass
        finally:
            if key is not None and self._links.get(key) is link:
                del self._links[key]
                self._gone(*key)
            if not self._links:
                self._empty.set()
            await link.close()

    async def emptied(self, within_s: float) -> None:
        """Wait, but not for ever, until every process has hung up and all that it had said has been taken in."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), within_s)

    async def close(self) -> None:
        """Stop listening and hang up."""
        if self._server is not None:
            self._server.close()
        for link in list(self._links.values()):
            await link.close()
        self._path.unlink(missing_ok=True)
