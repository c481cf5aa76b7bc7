"""Exports cut to the frame, judged by FFmpeg. The test picture's grey says which frame it is."""

import io
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import av
import pytest

from guardian.media.mp4_tables import Mp4Tables
from guardian.model.media import Codec
from guardian.model.time import SECOND_US
from guardian.services.folder_footage import FolderFootage
from guardian.services.playback import PlaybackService
from guardian.vault.keyring import Keyring
from tests.support.footage import stream, video
from tests.support.sealed import T0, Camera

FRAME_US = SECOND_US // 15


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return Keyring.create(tmp_path_factory.mktemp("vault"), "correct horse battery staple", now_us=T0)


@pytest.fixture
async def playback(tmp_path: Path, keyring: Keyring) -> AsyncIterator[PlaybackService]:
    playback = PlaybackService(FolderFootage(tmp_path), tmp_path, keyring)
    yield playback
    playback.close()


async def cut(playback: PlaybackService, first: float, end: float, **options: object) -> tuple[Mp4Tables, bytes]:
    """Cut from one frame's time to another's, counted from T0."""
    pieces = [
        piece
        async for piece in playback.cut("front", T0 + round(first * FRAME_US), T0 + round(end * FRAME_US), **options)  # type: ignore[arg-type]
    ]
    tables = pieces[-1].tables
    assert tables is not None
    return tables, b"".join(piece.data for piece in pieces)


def pictures(data: bytes) -> list[tuple[int, float]]:
    """Return (frame number, time) of every picture that a player shows."""
    with av.open(io.BytesIO(data)) as container:
        return [
            (
                round(float(frame.to_ndarray(format="yuv420p")[frame.height - 8 : frame.height].mean()) / 3),
                float(frame.time or 0),
            )
            for frame in container.decode(video=0)
        ]


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
@pytest.mark.parametrize("bframes", [0, 2])
@pytest.mark.parametrize(("first", "end"), [(20, 41), (0, 60), (15, 30), (47, 48), (29, 31)])
async def test_players_show_the_frames_that_were_asked_for(
    playback: PlaybackService, tmp_path: Path, keyring: Keyring, codec: Codec, bframes: int, first: int, end: int
) -> None:
    Camera(tmp_path, keyring).run(*stream(video(codec, bframes=bframes), Codec.AAC), segment_s=2)
    tables, body = await cut(playback, first + 0.5, end - 0.25)
    for data in (tables.head + body, tables.front + body + tables.tail):
        shown = pictures(data)
        assert [number for number, _ in shown] == list(range(first, end))
        assert shown[0][1] == 0
        assert shown[-1][1] == pytest.approx((end - 1 - first) / 15, abs=0.001)


@pytest.mark.parametrize("audio", [Codec.AAC, Codec.OPUS])
async def test_sound_is_cut_with_the_pictures(
    playback: PlaybackService, tmp_path: Path, keyring: Keyring, audio: Codec
) -> None:
    Camera(tmp_path, keyring).run(*stream(video(), audio))
    tables, body = await cut(playback, 20.5, 40.5)
    path = tmp_path / "cut.mp4"
    path.write_bytes(tables.head + body)
    assert shutil.which("ffprobe")
    words = ["ffprobe", "-v", "error", "-of", "json", "-show_streams", "-show_format", str(path)]
    said = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
    assert float(said["format"]["duration"]) == pytest.approx(21 / 15, abs=0.001)
    for one in said["streams"]:
        assert float(one["start_time"]) == pytest.approx(0, abs=0.025), one["codec_type"]
        assert float(one["duration"]) == pytest.approx(21 / 15, abs=0.025), one["codec_type"]
    with av.open(str(path)) as container:
        heard = sum(frame.samples for frame in container.decode(audio=0))
    assert heard / 48_000 == pytest.approx(21 / 15, abs=0.03)


async def test_whole_gops_are_kept_on_demand(playback: PlaybackService, tmp_path: Path, keyring: Keyring) -> None:
    Camera(tmp_path, keyring).run(*stream(video(), Codec.AAC))
    tables, body = await cut(playback, 20.5, 40.5, exact=False)
    assert [number for number, _ in pictures(tables.head + body)] == list(range(15, 45))


async def test_what_was_not_recorded_is_left_out(playback: PlaybackService, tmp_path: Path, keyring: Keyring) -> None:
    camera = Camera(tmp_path, keyring)
    camera.run(*stream(video(), Codec.AAC))
    camera.run(*stream(video(), Codec.AAC), T0 + 10 * SECOND_US)
    tables, body = await cut(playback, 50.5, 154.5)
    shown = pictures(tables.head + body)
    assert [number for number, _ in shown] == [*range(50, 60), *range(5)]
    steps = [after[1] - before[1] for before, after in pairwise(shown)]
    assert all(step == pytest.approx(1 / 15, abs=0.03) for step in steps)


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
async def test_a_timelapse_has_the_keyframes_only(
    playback: PlaybackService, tmp_path: Path, keyring: Keyring, codec: Codec
) -> None:
    Camera(tmp_path, keyring).run(*stream(video(codec, bframes=2), Codec.AAC), segment_s=2)
    tables, body = await cut(playback, 0, 60, speedup=20)
    shown = pictures(tables.head + body)
    assert [number for number, _ in shown] == [0, 15, 30, 45]
    assert [time for _, time in shown] == pytest.approx([0, 0.05, 0.1, 0.15], abs=0.001)
    with av.open(io.BytesIO(tables.head + body)) as container:
        assert not container.streams.audio
