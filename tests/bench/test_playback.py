"""From a moment to its first fragment, over HTTP: in 30 days of eight cameras, and in one day of one."""

from __future__ import annotations

import os
import time

import pytest

from guardian.model.time import SECOND_US, to_rfc3339
from tests.bench.archive import FRAGMENT_BYTES, Archive, Client, forget, moments
from tests.bench.figures import Figure, ms, publish, worst_ms

pytestmark = pytest.mark.bench
FIRST_BUDGET_MS, GROWTH_BUDGET = 20.0, 1.5


class Measured:
    """Seconds by step, of one archive."""

    def __init__(self, archive: Archive, client: Client) -> None:
        self.archive, self._client, self._moments = archive, client, moments(archive)
        self.steps: dict[str, list[float]] = {}

    def _add(self, **steps: float) -> None:
        for name, seconds in steps.items():
            self.steps.setdefault(name, []).append(seconds)

    def jump(self) -> None:
        """Go to a moment that nobody has looked at yet, and once more."""
        row, second = next(self._moments)
        path, at_us = self.archive.data / "segments" / row.path, row.header.start_utc_us + second * SECOND_US + 1000
        forget(path)
        self._add(raw=raw_read(path, row.size_bytes // 2, FRAGMENT_BYTES), floor=self._client.timed("/healthz")[0])
        forget(path)
        playlist, init, fragment, following = self._play(row.header.camera, at_us)
        self._add(first=playlist + init + fragment, playlist=playlist, init=init, fragment=fragment, following=following)
        self._add(again=sum(self._play(row.header.camera, at_us)[:3]))

    def _play(self, camera: str, start_us: int) -> tuple[float, float, float, float]:
        """Do as a player does; return the seconds of the playlist, the init segment, the first and the second fragment."""
        span = f"start={to_rfc3339(start_us)}&end={to_rfc3339(start_us + 300 * SECOND_US)}"
        base = f"/api/v1/cameras/{camera}/hls/"
        playlist, text = self._client.timed(f"{base}index.m3u8?{span}")
        lines = text.decode().splitlines()
        names = [line for line in lines if line.endswith(".m4s")]
        init, _ = self._client.timed(base + next(line.split('"')[1] for line in lines if line.startswith("#EXT-X-MAP")))
        fragment, data = self._client.timed(base + names[0])
        assert len(data) == FRAGMENT_BYTES
        return playlist, init, fragment, self._client.timed(base + names[1])[0]


def raw_read(path: os.PathLike[str], offset: int, size: int) -> float:
    """Return the seconds that the bare read of as many bytes of the file takes, from the disk."""
    began = time.perf_counter()
    fd = os.open(path, os.O_RDONLY)
    data = os.pread(fd, 1041 + 8192, 0) + os.pread(fd, size, offset)
    os.close(fd)
    took = time.perf_counter() - began
    assert len(data) > size
    return took


def test_playback(large, large_program, small, small_program):
    with Client(large_program) as one, Client(small_program) as other:
        thirty, one_day = Measured(large, one), Measured(small, other)
        for _ in large.footage:
            one_day.jump()
            thirty.jump()
    took, raw = thirty.steps, ms(thirty.steps["raw"])
    publish(
        "playback",
        Figure("first fragment of a moment, median", ms(took["first"]), "ms", raw, "raw read", FIRST_BUDGET_MS),
        Figure(
            "first fragment of a moment, 95 %",
            worst_ms(took["first"]),
            "ms",
            worst_ms(took["raw"]),
            "raw read",
            FIRST_BUDGET_MS,
        ),
        Figure("of that the playlist", ms(took["playlist"]), "ms", ms(took["floor"]), "health check"),
        Figure("of that the init segment", ms(took["init"]), "ms", ms(took["floor"]), "health check"),
        Figure("of that the fragment", ms(took["fragment"]), "ms", raw, "raw read"),
        Figure("the same moment again, median", ms(took["again"]), "ms"),
        Figure("next fragment, median", ms(took["following"]), "ms", raw, "raw read"),
        Figure(
            "first fragment, large index against small",
            round(ms(took["first"]) / ms(one_day.steps["first"]), 3),
            "times",
            1.0,
            f"{small.segments} segments, {ms(one_day.steps['first'])} ms",
            GROWTH_BUDGET,
        ),
        Figure(
            "start with the large index",
            round(large_program.started_s, 2),
            "s",
            round(small_program.started_s, 2),
            "small index",
        ),
        segments=large.segments,
        fragment_bytes=FRAGMENT_BYTES,
        moments=len(took["first"]),
    )
