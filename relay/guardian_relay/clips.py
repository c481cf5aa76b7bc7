"""The buffer of sealed segments: fetched from the home when it offers one, within a quota, resumed where it broke off.

A clip is a file of bytes that nobody here can open. Those that are archived elsewhere go first, then the oldest. Clips are a copy of what home has,
and events are not: where the disk is short, clips make room and no new ones come.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

from guardian.platform.files import make_private_dir
from guardian.protocol.v1 import link_pb2 as link
from guardian_relay.errors import Unkept
from guardian_relay.index.clips import Clip, ClipIndex

_log = structlog.get_logger(__name__)
MOST_PIECE = 1 << 20
MOST_SEALED = 65536
SYNC_EVERY = 4 << 20  # bytes; a power cut leaves a shorter file, of whose end the home is asked for anew
MOST_WANTED = 8  # at once; what else is missing is asked for at the next greeting or offer
RESERVE_BYTES = 256 << 20  # for events, their journal and keys: max_events (500,000) of 4 KiB are 2 GB, which come over days
RESERVE_SHARE = 0.05  # of a small disk


class ClipStore:
    """Implements what Link asks of it. One process writes."""

    def __init__(self, folder: Path, index: ClipIndex, quota_bytes: int) -> None:
        self._folder, self._index, self._quota = folder, index, quota_bytes
        self._tickets: dict[int, Clip] = {}
        self._next_ticket = 1
        self._lock = asyncio.Lock()
        if quota_bytes:
            make_private_dir(folder)

    def path(self, segment: bytes) -> Path:
        """Where a clip's bytes are."""
        return self._folder / segment.hex()

    async def offered(self, offer: link.Offer) -> link.Fetch | None:
        """The home has one more: return what to ask for, or None."""
        fits = len(offer.segment) == 16 and len(offer.camera) == 16 and 0 < offer.size <= self._quota
        if not fits or len(offer.sealed) > MOST_SEALED:
            return None
        clip = Clip(offer.segment, offer.camera, offer.time_s, offer.size, offer.sealed)
        async with self._lock:
            try:
                if not await self._index.add(clip):
                    return None
                await self._make_room(clip)
                if self._lacking(clip.size) > 0:
                    await self._drop(clip, "clip_failed")
                    return None
            except Unkept as error:
                _log.warning("store_full", reason=str(error))
                return None
        return self._fetch(clip)

    def _lacking(self, size: int) -> int:
        """How many bytes the disk lacks for one more clip and what clips must leave free."""
        disk = shutil.disk_usage(self._folder)
        return int(min(RESERVE_BYTES, RESERVE_SHARE * disk.total)) + size - disk.free

    async def wanted(self) -> list[link.Fetch]:
        """What is still missing of the clips that were offered."""
        if not self._quota:
            return []
        self._tickets.clear()
        lacking = []
        for clip in await self._index.incomplete():
            if self._have(clip) < clip.size:
                lacking.append(clip)
            else:  # a kill, or a full disk, came between its last byte and the word that it is whole
                with suppress(Unkept):
                    await self._index.whole(clip.segment)
        return [self._fetch(clip) for clip in lacking[:MOST_WANTED]]

    def _fetch(self, clip: Clip) -> link.Fetch:
        ticket, self._next_ticket = self._next_ticket, self._next_ticket + 1
        self._tickets[ticket] = clip
        return link.Fetch(ticket=ticket, segment=clip.segment, offset=self._have(clip))

    def _have(self, clip: Clip) -> int:
        try:
            return self.path(clip.segment).stat().st_size
        except FileNotFoundError:
            return 0

    async def take(self, pieces: Any) -> int:
        """Write what comes. What is beyond the size that was offered, or was not asked for, is refused."""
        clip: Clip | None = None
        received = unsynced = 0
        async for piece in pieces:
            if clip is None:
                clip = self._tickets.pop(piece.ticket, None)
                if clip is None:
                    return 0
                if piece.error:
                    await self._drop(clip, "clip_failed")
                    return 0
            end = self._have(clip) + len(piece.data)
            if len(piece.data) > MOST_PIECE or end > clip.size:
                await self._drop(clip, "clip_failed")
                return 0
            unsynced += len(piece.data)
            sync = unsynced >= SYNC_EVERY or end == clip.size
            try:
                await asyncio.to_thread(self._append, clip, piece.data, sync)
            except OSError as error:  # what is there stays: the rest is asked for at the next greeting
                _log.warning("clip_failed", bytes=clip.size, error=type(error).__name__)
                return received
            unsynced = 0 if sync else unsynced
            received += len(piece.data)
        if clip is not None and self._have(clip) == clip.size:
            try:
                await self._index.whole(clip.segment)
            except Unkept as error:
                _log.warning("store_full", reason=str(error))
                return received
            _log.info("clip_kept", bytes=clip.size)
        return received

    def _append(self, clip: Clip, data: bytes, sync: bool) -> None:
        fd = os.open(self.path(clip.segment), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view) :]
            if sync:
                os.fdatasync(fd)
        finally:
            os.close(fd)

    async def archived(self, segment: bytes) -> None:
        """It lies elsewhere, too: it may go when there is need of room."""
        await self._index.archived(segment)

    async def _make_room(self, new: Clip) -> None:
        _, used = await self._index.usage()
        over = max(used - self._quota, self._lacking(new.size))
        for clip in await self._index.oldest_first() if over > 0 else ():
            if clip.segment == new.segment:
                continue
            await self._drop(clip, "clip_dropped")
            over -= clip.size
            if over <= 0:
                return

    async def _drop(self, clip: Clip, why: str) -> None:
        self.path(clip.segment).unlink(missing_ok=True)  # first: a full disk lets nothing be forgotten
        await self._index.forget(clip.segment)
        _log.info(why, bytes=clip.size)

    async def usage(self) -> tuple[int, int]:
        """How many, and their bytes."""
        return await self._index.usage()
