"""What a large archive costs who looks at it: from a random moment to its first fragment, and a day's timeline.

Measured on the server, in the services that answer pages and programs; the network and the player are not in it.
"""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from guardian.index.engine import INDEX_NAME, IndexFile, open_index
from guardian.model.time import SECOND_US
from guardian.platform.clock import SystemClock
from guardian.platform.limits import settle_memory
from guardian.processes.bench_archive import FRAGMENT_BYTES, FRAGMENTS, BenchArchive, forget, make
from guardian.services.playback import PlaybackService
from guardian.services.recordings import RecordingService
from guardian.services.timeline import TimelineService
from guardian.vault.keyring import Keyring

AHEAD_US = 300 * SECOND_US  # what a player asks the playlist of
DAY_US = 86_400 * SECOND_US
WARM = 4  # first ones, which also import and connect


def seek(*, days: int, cameras: int, moments: int) -> dict[str, Any]:
    """Return p50 and p99 of playlist, init segment and first fragment together, of moments that nobody has looked at."""
    return asyncio.run(_seek(days, cameras, moments))


def timeline(*, days: int, cameras: int, times: int) -> dict[str, Any]:
    """Return p50 and p99 of the timelines of one day of all cameras together."""
    return asyncio.run(_timeline(days, cameras, times))


async def _seek(days: int, cameras: int, moments: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="guardian-bench-") as folder:
        data = Path(folder)
        keyring = Keyring.create(data / "vault", "bench bench bench", now_us=0)
        archive = await make(data, keyring, cameras=cameras, days=days, with_footage=moments + WARM)
        index = await open_index(data / INDEX_NAME)
        try:
            took, bare = await _jump(archive, keyring, index)
        finally:
            await index.close()
    return {"segments": archive.segments, "moments": len(took), **_quantiles(took), "baseline_ms": _ms(bare, 0.5)}


async def _jump(archive: BenchArchive, keyring: Keyring, index: IndexFile) -> tuple[list[float], list[float]]:
    recordings = RecordingService(index, archive.data, SystemClock())
    playback = PlaybackService(recordings, archive.data, keyring)
    settle_memory()  # as the program does
    dice = random.Random(2)  # noqa: S311 - where to look
    took, bare = [], []
    for row in dice.sample(archive.footage, len(archive.footage)):
        path = archive.data / "segments" / row.path
        for day in path.parent.iterdir():
            forget(day)
        bare.append(_bare_read(path, row.size_bytes // 2))
        forget(path)
        at_us = row.header.start_utc_us + dice.randrange(FRAGMENTS - 5) * SECOND_US + 1000
        began = time.perf_counter()
        playlist = await playback.playlist(row.header.camera, at_us, at_us + AHEAD_US)
        first = playlist.entries[0]
        await playback.init(first.segment_id)
        fragment = await playback.fragment(first.segment_id, first.index)
        took.append(time.perf_counter() - began)
        assert len(fragment) == FRAGMENT_BYTES
    playback.close()
    return took[WARM:], bare[WARM:]


def _bare_read(path: Path, offset: int) -> float:
    """Return the seconds of a bare read of as many bytes of the same file."""
    began = time.perf_counter()
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    os.pread(fd, 8192, 0)
    os.pread(fd, FRAGMENT_BYTES, offset)
    os.close(fd)
    return time.perf_counter() - began


async def _timeline(days: int, cameras: int, times: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="guardian-bench-") as folder:
        data = Path(folder)
        keyring = Keyring.create(data / "vault", "bench bench bench", now_us=0)
        archive = await make(data, keyring, cameras=cameras, days=days, with_footage=0)
        index = await open_index(data / INDEX_NAME)
        try:
            service = TimelineService(RecordingService(index, data, SystemClock()))
            settle_memory()
            dice = random.Random(3)  # noqa: S311 - where to look
            took, bare = [], []
            for _ in range(times + WARM):
                start_us = archive.start_us + dice.randrange(days) * DAY_US
                began = time.perf_counter()
                for number in range(cameras):
                    assert await service.spans(f"cam{number}", start_us, start_us + DAY_US)
                took.append(time.perf_counter() - began)
                bare.append(_bare_query(data / INDEX_NAME, cameras, start_us))
        finally:
            await index.close()
    return {"segments": archive.segments, "times": times, **_quantiles(took[WARM:]), "baseline_ms": _ms(bare[WARM:], 0.5)}


def _bare_query(path: Path, cameras: int, start_us: int) -> float:
    """Return the seconds that SQLite alone takes to name the same rows."""
    query = "SELECT start_us, end_us FROM segments WHERE camera = ? AND stream = 'main' AND start_us >= ? AND start_us < ?"
    with closing(sqlite3.connect(path)) as connection:
        began = time.perf_counter()
        for number in range(cameras):
            connection.execute(query, (f"cam{number}", start_us, start_us + DAY_US)).fetchall()
        return time.perf_counter() - began


def _quantiles(seconds: Sequence[float]) -> dict[str, float]:
    return {"p50_ms": _ms(seconds, 0.5), "p99_ms": _ms(seconds, 0.99)}


def _ms(seconds: Sequence[float], share: float) -> float:
    """Return a quantile in milliseconds; the nearest rank, so that p99 of few is the worst."""
    ordered = sorted(seconds)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000, 3)
