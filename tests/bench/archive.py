"""A data folder as after 30 days of eight cameras: an index of 345,600 segments, and 10,000 events.

Only some segments hold footage; the others are names of small files, which nobody opens: with fewer, a start would forget
their rows.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from guardian.index.engine import INDEX_NAME, IndexFile, open_index
from guardian.index.events import EventRepository
from guardian.index.recordings import Recordings
from guardian.model.segment import SegmentRecord
from guardian.model.time import SECOND_US
from guardian.vault.keyring import Keyring
from guardian.vault.scan import scan
from guardian.vault.sealer import VaultSealer
from tests.support.house import set_up
from tests.support.program import Program
from tests.support.recorded import MINUTE, bare, event, header, path_of, record

FRAGMENTS, FRAGMENT_BYTES = 60, 256 * 1024  # a minute at 2 Mb/s
STEP = 4000


@dataclass(frozen=True)
class Archive:
    """A data folder, and the segments in it that hold footage."""

    data: Path
    segments: int
    footage: tuple[SegmentRecord, ...]


def make(data: Path, *, cameras: int, days: int, events: int, with_footage: int) -> Archive:
    """Make it; the last day ends an hour ago."""
    names = [f"cam{number}" for number in range(cameras)]
    tables = "".join(f'[cameras.{name}]\nkind = "testpattern"\nenabled = false\n' for name in names)
    set_up(data, f"[storage]\ndays = 90\nreserve_gb = 0.1\n{tables}")
    start_us = (time.time_ns() // 1000 - 3600 * SECOND_US) // MINUTE * MINUTE - days * 1440 * MINUTE
    chosen = set(random.Random(1).sample(range(cameras * days * 1440), with_footage))
    return asyncio.run(_fill(data, names, days, start_us, events, chosen))


async def _fill(data: Path, names: list[str], days: int, start_us: int, events: int, chosen: set[int]) -> Archive:
    keyring = Keyring.load(data / "vault")
    sealer = VaultSealer(keyring.public_key, keyring.epoch)
    index = await open_index(data / INDEX_NAME)
    rows: list[SegmentRecord] = []
    footage: list[SegmentRecord] = []
    number = 0
    for minute in range(days * 1440):
        for name in names:
            row = record(start_us + minute * MINUTE, name, size=FRAGMENTS * FRAGMENT_BYTES)
            if number in chosen:
                row = _seal(data, row, sealer)
                footage.append(row)
            rows.append(row)
            number += 1
        if len(rows) > STEP:
            await _store(data, index, rows)
    await _store(data, index, rows)
    await _add_events(index, names, start_us, days, events)
    await index.close()
    return Archive(data, number, tuple(footage))


async def _store(data: Path, index: IndexFile, rows: list[SegmentRecord]) -> None:
    await Recordings(index).add(rows)
    for row in rows:
        path = data / "segments" / row.path
        stand_in = path.parent / "stand-in"
        if not stand_in.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            stand_in.write_bytes(b"nobody opens this")
        if not path.exists():
            os.link(stand_in, path)
    rows.clear()


def _seal(data: Path, row: SegmentRecord, sealer: VaultSealer) -> SegmentRecord:
    one = header(row.header.start_utc_us, row.header.camera)
    sealing = sealer.begin(one)
    path = data / "segments" / path_of(one)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(sealing.header_bytes)
        for second in range(-1, FRAGMENTS):
            _, sealed = sealing.seal(
                os.urandom(1000 if second < 0 else FRAGMENT_BYTES),
                start_90k=one.start_90k + max(0, second) * 90_000,
                duration_90k=0 if second < 0 else 90_000,
                start_utc_us=one.start_utc_us + max(0, second) * SECOND_US,
                is_key=second >= 0,
                video_frames=15 if second >= 0 else 0,
            )
            file.write(sealed)
        file.write(sealing.finish())
        os.fsync(file.fileno())
    return scan(path).record(path_of(one))


async def _add_events(index: IndexFile, names: list[str], start_us: int, days: int, count: int) -> None:
    repository = EventRepository(index)
    step = days * 1440 * MINUTE // max(1, count)
    made = [
        event(start_us + n * step, start_us + n * step + 9 * SECOND_US, camera=names[n % len(names)], number=n + 1)
        for n in range(count)
    ]
    for at in range(0, count, 500):
        await repository.put([replace(one, zones=("drive",)) for one in made[at : at + 500]], bare)


class Client:
    """One kept connection to the program, as a browser has it."""

    def __init__(self, program: Program) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(program.url).netloc, timeout=60)
        self._headers = {"Authorization": f"Bearer {program.token}"}

    def get(self, path: str) -> bytes:
        """Return an answer's body."""
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        assert answer.status == 200, (path, answer.status, body[:300])
        return body

    def timed(self, path: str) -> tuple[float, bytes]:
        """Return the seconds that an answer took, and its body."""
        began = time.perf_counter()
        body = self.get(path)
        return time.perf_counter() - began, body

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def forget(path: Path) -> None:
    """Have the kernel forget a file's pages, so that the next read goes to the disk."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(fd)


def moments(archive: Archive) -> Iterator[tuple[SegmentRecord, int]]:
    """Yield a random second of each segment that holds footage."""
    dice = random.Random(2)
    for row in dice.sample(archive.footage, len(archive.footage)):
        yield row, dice.randrange(FRAGMENTS - 5)
