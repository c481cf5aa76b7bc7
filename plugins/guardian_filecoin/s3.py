"""A bucket as a place, by S3's HTTP with signatures of version 4, which are these few lines; botocore is 80 MB."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree as ET

from guardian.sdk import ServiceUnavailable
from guardian_filecoin.config import S3Place as Config
from guardian_filecoin.folder import START_BYTES, SUFFIX, layout_of
from guardian_filecoin.http import Http
from guardian_filecoin.layout import Layout
from guardian_filecoin.place import Held, Parcel, Quote
from guardian_filecoin.states import Copy, State
from guardian_filecoin.unixfs import LEAF_BYTES

EMPTY_SHA256 = hashlib.sha256().hexdigest()


def signed(
    method: str,
    host: str,
    path: str,
    params: Mapping[str, str],
    headers: Mapping[str, str],
    *,
    payload_sha256: str,
    at: datetime,
    region: str,
    access_key: str,
    secret_key: str,
) -> dict[str, str]:
    """Return a request's headers with its signature (AWS Signature Version 4, service s3). `path` is encoded already."""
    stamp = at.strftime("%Y%m%dT%H%M%SZ")
    own = {"host": host, "x-amz-content-sha256": payload_sha256, "x-amz-date": stamp}
    all_headers = {key.lower(): value.strip() for key, value in headers.items()} | own
    names = ";".join(sorted(all_headers))
    query = "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in sorted(params.items()))
    canonical = "\n".join(f"{name}:{all_headers[name]}" for name in sorted(all_headers))
    request = f"{method}\n{path}\n{query}\n{canonical}\n\n{names}\n{payload_sha256}"
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = b"AWS4" + secret_key.encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    credential = f"AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return all_headers | {"authorization": credential}


class S3Place:
    """Implements Place. Objects are named by their root; path-style, which every server has."""

    kind = "s3"

    def __init__(self, name: str, config: Config, timeout_s: float, now_us: Callable[[], int]) -> None:
        self._name, self._config, self._now_us = name, config, now_us
        address = urlsplit(str(config.url))
        self._host = address.netloc
        self._http = Http(name, f"{address.scheme}://{address.netloc}", timeout_s)
        self.public = config.public

    def _path(self, root: str) -> str:
        return f"/{quote(self._config.bucket)}/{quote(f'{self._config.prefix}{root}{SUFFIX}')}"

    def _signed(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        payload_sha256: str = EMPTY_SHA256,
    ) -> dict[str, str]:
        return signed(
            method,
            self._host,
            path,
            params or {},
            headers or {},
            payload_sha256=payload_sha256,
            at=datetime.fromtimestamp(self._now_us() / 1e6, UTC),
            region=self._config.region,
            access_key=self._config.access_key,
            secret_key=self._config.secret_key,
        )

    async def advance(self, copy: Copy, parcel: Parcel) -> Copy:
        """Send it whole, its hash signed; a server that got something else refuses it."""
        if copy.state is State.WAITING:
            return copy.moved(State.UPLOADING)
        digest = hashlib.sha256()
        async for part in parcel.parts():
            await asyncio.to_thread(digest.update, part)
        path = self._path(parcel.root)
        own = {"content-length": str(parcel.size_bytes), "content-type": "application/octet-stream"}
        if self.public:
            own["x-amz-meta-import"] = "car"  # Filebase: take the CAR's blocks for what they are
        headers = self._signed("PUT", path, None, own, digest.hexdigest())
        await self._http.ask("PUT", path, data=parcel.parts(), headers=headers, sends_bytes=parcel.size_bytes)
        await self._check(parcel)
        return copy.moved(State.COMMITTED)

    async def _check(self, parcel: Parcel) -> None:
        path = self._path(parcel.root)
        answer = await self._http.ask("HEAD", path, headers=self._signed("HEAD", path))
        headers = {key.lower(): value for key, value in answer.headers.items()}
        if headers.get("content-length") != str(parcel.size_bytes):
            raise ServiceUnavailable(f"{self._name} has another size than was sent")
        if (named := headers.get("x-amz-meta-cid", parcel.root)) != parcel.root:
            raise ServiceUnavailable(f"{self._name} calls a pack {named}, which is another name than ours")

    async def look(self, held: Held) -> Layout:
        """Read the object's start."""
        return layout_of(await self._part(held, 0, START_BYTES), held.root)

    async def leaf(self, held: Held, layout: Layout, index: int) -> bytes:
        """Read a range."""
        return await self._part(held, layout.leaf_at(index), LEAF_BYTES)

    async def _part(self, held: Held, start: int, length: int) -> bytes:
        path = self._path(held.root)
        ranged = {"range": f"bytes={start}-{start + length - 1}"}
        return await self._http.part(path, start, length, self._signed("GET", path, None, ranged))

    async def found(self) -> AsyncIterator[Held]:
        """List the bucket."""
        path, token = f"/{quote(self._config.bucket)}", ""
        while True:
            params = {"list-type": "2", "prefix": self._config.prefix}
            params |= {"continuation-token": token} if token else {}
            query = "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in sorted(params.items()))
            answer = await self._http.ask("GET", f"{path}?{query}", headers=self._signed("GET", path, params))
            tree = _parsed(answer.body)
            for key in tree.iterfind("{*}Contents/{*}Key"):
                name = (key.text or "").removeprefix(self._config.prefix)
                if name.endswith(SUFFIX) and "/" not in name:
                    yield Held(name.removesuffix(SUFFIX), "")
            token = tree.findtext("{*}NextContinuationToken") or ""
            if not token:
                return

    async def quote(self, sizes: Sequence[int]) -> Quote | None:
        """S3 has no price list that a program could ask for."""
        return None

    async def close(self) -> None:
        """Close connections."""
        await self._http.close()


def _parsed(body: bytes) -> ET.Element:
    try:
        return ET.fromstring(body)  # noqa: S314 - bounded, and expat has refused to blow up entities since 2.4.1
    except ET.ParseError:
        raise ServiceUnavailable("the bucket's list is no XML", cure="Is the address that of an S3 server?") from None
