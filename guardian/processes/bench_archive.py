"""An index as after many days of several cameras, and some sealed segments in it that hold footage. For benchmarks."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from guardian.index.engine import INDEX_NAME, open_index
from guardian.index.recordings import Recordings
from guardian.model.ids import uuid7
from guardian.model.segment import ContentKind, SegmentHeader, SegmentRecord
from guardian.model.time import SECOND_US
from guardian.vault.keyring import Keyring
from guardian.vault.scan import scan
from guardian.vault.sealer import VaultSealer

FRAGMENTS, FRAGMENT_BYTES = 60, 256 * 1024  # a minute at 2 Mb/s
AHEAD, SHORT_BYTES = 5, 256  # segments after one with footage, which a playlist names too: real files, of little fragments
MINUTE_US = 60 * SECOND_US
END_US = 1_767_225_600 * SECOND_US  # the night before 2026
STEP = 4000


@dataclass(frozen=True, slots=True)
class BenchArchive:
    """A data folder, how many segments its index knows, and those that hold footage."""

    data: Path
    segments: int
    start_us: int
    footage: tuple[SegmentRecord, ...]


async def make(data: Path, keyring: Keyring, *, cameras: int, days: int, with_footage: int) -> BenchArchive:
    """Fill a folder. Footage is random bytes; what has none is a row without a file."""
    count = cameras * days * 1440
    ahead = AHEAD * cameras
    chosen = set(random.Random(1).sample(range(count - ahead), with_footage))  # noqa: S311 - where to look
    short = {number + step for number in chosen for step in range(cameras, ahead + 1, cameras)} - chosen
    sealer = VaultSealer(keyring.public_key, keyring.epoch)
    start_us = END_US - days * 1440 * MINUTE_US
    footage: list[SegmentRecord] = []
    rows: list[SegmentRecord] = []
    index = await open_index(data / INDEX_NAME)
    try:
        for number in range(count):
            minute, camera = divmod(number, cameras)
            row = _row(start_us + minute * MINUTE_US, f"cam{camera}", number)
            if number in chosen:
                row = _write(data, row, sealer, FRAGMENT_BYTES)
                footage.append(row)
            elif number in short:
                row = _write(data, row, sealer, SHORT_BYTES)
            rows.append(row)
            if len(rows) >= STEP or number == count - 1:
                await Recordings(index).add(rows)
                rows.clear()
    finally:
        await index.close()
    return BenchArchive(data, count, start_us, tuple(footage))


def _row(start_us: int, camera: str, number: int) -> SegmentRecord:
    segment_id = uuid7(start_us // 1000, number.to_bytes(10, "big"))
    header = SegmentHeader(
        segment_id, segment_id, camera, "main", ContentKind.VIDEO, start_us, 0, 0, "avc1.640028", 1920, 1080
    )
    day = datetime.fromtimestamp(start_us / SECOND_US, UTC).strftime("%Y-%m-%d")
    path = f"{camera}/main/{day}/{segment_id}.pgs"
    size = FRAGMENTS * FRAGMENT_BYTES
    return SegmentRecord(header, 1, path, start_us + MINUTE_US, FRAGMENTS * 90_000, size, FRAGMENTS, FRAGMENTS * 15, True)


def _write(data: Path, row: SegmentRecord, sealer: VaultSealer, fragment_bytes: int) -> SegmentRecord:
    header, sealing = row.header, sealer.begin(row.header)
    path = data / "segments" / row.path
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(sealing.header_bytes)
        for second in range(-1, FRAGMENTS):
            _, sealed = sealing.seal(
                os.urandom(1000 if second < 0 else fragment_bytes),
                start_90k=max(0, second) * 90_000,
                duration_90k=0 if second < 0 else 90_000,
                start_utc_us=header.start_utc_us + max(0, second) * SECOND_US,
                is_key=second >= 0,
                video_frames=15 if second >= 0 else 0,
            )
            file.write(sealed)
        file.write(sealing.finish())
        os.fsync(file.fileno())
    return scan(path).record(row.path)


def forget(path: Path) -> None:
    """Have the kernel forget a file's pages, so that the next read goes to the disk."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(fd)
