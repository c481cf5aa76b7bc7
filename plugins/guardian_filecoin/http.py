"""HTTP as places need it: bounded answers, no redirects, no stall for ever, and no address or secret in an error."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from guardian.sdk import Damaged, ServiceUnavailable

MOST_ANSWER = 16 * 1024 * 1024  # a data set of 40,000 pieces
CONNECT_S = 10.0
SLOWEST_BYTES_S = 50_000  # below that an upload of a pack takes days
Parts = Callable[[], AsyncIterator[bytes]]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Its JSON; ServiceUnavailable where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise ServiceUnavailable("the answer is no JSON", cure="Is the address that of such a service?") from None


class Http:
    """A client of one service. Made lazily, so that it belongs to the loop that uses it."""

    def __init__(self, name: str, base: str, timeout_s: float, headers: Mapping[str, str] | None = None) -> None:
        self._name, self._base, self._timeout_s = name, base.rstrip("/"), timeout_s
        self._headers = dict(headers or {})
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=self._timeout_s)
            self._session = aiohttp.ClientSession(timeout=timeout, headers={"User-Agent": "archive"} | self._headers)
        return self._session

    async def ask(
        self,
        method: str,
        path: str,
        *,
        ok: Collection[int] = (200,),
        json: Any = None,
        data: Any = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        sends_bytes: int = 0,
        most: int = MOST_ANSWER,
    ) -> Answer:
        """Make a request. ServiceUnavailable on trouble, and on any status that is not `ok`."""
        limit_s = 2 * self._timeout_s + CONNECT_S + (sends_bytes + most) / SLOWEST_BYTES_S
        try:
            async with (
                asyncio.timeout(limit_s),
                self._open().request(
                    method, self._base + path, json=json, data=data, params=params, headers=headers, allow_redirects=False
                ) as answer,
            ):
                body = await self._read(answer, most) if answer.status in ok else await answer.content.read(2000)
                found = Answer(answer.status, dict(answer.headers), body)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ServiceUnavailable(
                f"{self._name}: {type(error).__name__}", cure="Is the address right and the service up?"
            ) from error
        if found.status not in ok:
            raise Refused(self._name, found)
        return found

    async def _read(self, answer: aiohttp.ClientResponse, most: int) -> bytes:
        data = bytearray()
        async for part in answer.content.iter_chunked(256 * 1024):
            data += part
            if len(data) > most:
                raise ServiceUnavailable(f"{self._name} sends more than was asked for")
        return bytes(data)

    async def part(self, path: str, start: int, length: int, headers: Mapping[str, str] | None = None) -> bytes:
        """Fetch a range; shorter only at the end of the file. One that has no ranges is read up to it."""
        ranged = {"Range": f"bytes={start}-{start + length - 1}"} | dict(headers or {})
        try:
            async with (
                asyncio.timeout(2 * self._timeout_s + CONNECT_S + (start + length) / SLOWEST_BYTES_S),
                self._open().get(self._base + path, headers=ranged, allow_redirects=False) as answer,
            ):
                if answer.status in (404, 410):
                    raise Damaged(f"{self._name} no longer has a pack")
                if answer.status not in (200, 206):
                    raise Refused(self._name, Answer(answer.status, {}, await answer.content.read(2000)))
                skip = start if answer.status == 200 else 0
                data = bytearray()
                async for part in answer.content.iter_chunked(256 * 1024):
                    data += part[skip:]
                    skip = max(0, skip - len(part))
                    if len(data) >= length:
                        break
                return bytes(data[:length])
        except aiohttp.ClientPayloadError as error:  # cut off in the middle
            raise Damaged(f"{self._name} cuts a pack off") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ServiceUnavailable(f"{self._name}: {type(error).__name__}", cure="Is the service up?") from error

    async def close(self) -> None:
        """Close connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


class Refused(ServiceUnavailable):
    """The service answered with an error. `answer` is what it said."""

    def __init__(self, name: str, answer: Answer) -> None:
        text = "".join(one for one in answer.body.decode(errors="replace") if one.isprintable())[:200]
        cure = "Check the place's keys and addresses." if answer.status in (400, 401, 403, 404, 405) else ""
        super().__init__(f"{name} answered {answer.status}: {text}", cure=cure)
        self.answer = answer
