"""MP4 as HTTP answers: whole and with ranges where it is small, piece by piece where it is not."""

from __future__ import annotations

from collections.abc import AsyncIterator

import structlog
from aiohttp import web

from guardian.model.errors import GuardianError

_log = structlog.get_logger(__name__)
IN_MEMORY = 64 * 1024 * 1024  # a clip of about two minutes at 4 Mb/s
MP4 = "video/mp4"
ZIP = "application/zip"


def _headers(filename: str) -> dict[str, str]:
    disposition = {"Content-Disposition": f'inline; filename="{filename}"'} if filename else {}
    return {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **disposition}


def body(data: bytes, media: str) -> web.Response:
    """Return something whole."""
    return web.Response(body=data, content_type=media, headers=_headers(""))


async def send_clip(request: web.Request, pieces: AsyncIterator[bytes], filename: str) -> web.StreamResponse:
    """Send a clip of unknown size. Errors before its first bytes become problems."""
    start = bytearray()
    async for piece in pieces:
        start += piece
        if len(start) >= IN_MEMORY:
            return await _stream(request, start, pieces, filename)
    return _ranged(request, start, filename)


def _ranged(request: web.Request, data: bytearray, filename: str) -> web.Response:
    headers = {**_headers(filename), "Accept-Ranges": "bytes"}
    span = requested_range(request, len(data))
    if span is None:
        return web.Response(body=data, content_type=MP4, headers=headers)
    first, end = span
    headers["Content-Range"] = f"bytes {first}-{end - 1}/{len(data)}"
    return web.Response(status=206, body=data[first:end], content_type=MP4, headers=headers)


def requested_range(request: web.Request, size: int) -> tuple[int, int] | None:
    """Return the first byte asked for and one past the last, or None for all. 416 where it lies outside."""
    try:
        asked = request.http_range
    except ValueError:
        return None  # RFC 9110, 14.2: a range that cannot be read is ignored
    if asked.start is None and asked.stop is None:
        return None
    first, end, _ = asked.indices(size)
    if first >= end:
        raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{size}"})
    return first, end


async def _stream(request: web.Request, start: bytearray, pieces: AsyncIterator[bytes], filename: str) -> web.StreamResponse:
    response = web.StreamResponse(headers=_headers(filename))
    response.content_type = MP4
    await response.prepare(request)
    await response.write(start)
    await _write_rest(request, response, pieces)
    return response


async def _write_rest(request: web.Request, response: web.StreamResponse, pieces: AsyncIterator[bytes]) -> None:
    try:
        async for piece in pieces:
            await response.write(piece)
    except GuardianError as error:
        # The status is sent: only a torn connection can say that this is not all.
        _log.warning("clip_cut_off", problem=error.message)
        if request.transport is not None:
            request.transport.abort()
        return
    await response.write_eof()


async def send_file(
    request: web.Request, pieces: AsyncIterator[bytes], size: int, filename: str, media: str = MP4
) -> web.StreamResponse:
    """Send a file of known size, or the range that was asked for."""
    span = requested_range(request, size)
    first, end = span if span is not None else (0, size)
    response = web.StreamResponse(status=206 if span is not None else 200, headers=_headers(filename))
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    if span is not None:
        response.headers["Content-Range"] = f"bytes {first}-{end - 1}/{size}"
    response.content_type, response.content_length = media, end - first
    if request.method == "HEAD":
        await response.prepare(request)
        return response
    within = _cut(pieces, first, end)
    start = await anext(within, b"")
    await response.prepare(request)
    await response.write(start)
    await _write_rest(request, response, within)
    return response


async def _cut(pieces: AsyncIterator[bytes], first: int, end: int) -> AsyncIterator[bytes]:
    at = 0
    async for piece in pieces:
        part = piece[max(0, first - at) : max(0, end - at)]
        at += len(piece)
        if part:
            yield part
        if at >= end:
            return
