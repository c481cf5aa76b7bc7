"""Playback over the index, as the program wires it: what camera processes say is enough to play."""

import io
from pathlib import Path

import av
import pytest

from guardian.index.engine import IndexFile
from guardian.model.media import Codec
from guardian.model.messages import FragmentSealed, SegmentClosed, SegmentOpened
from guardian.model.time import SECOND_US
from guardian.platform.clock import SystemClock
from guardian.services.playback import PlaybackService
from guardian.services.recordings import RecordingService
from guardian.vault.keyring import Keyring
from tests.support.footage import stream, video
from tests.support.sealed import T0, Camera


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return Keyring.create(tmp_path_factory.mktemp("vault"), "correct horse battery staple", now_us=T0)


async def frames(playback: PlaybackService, camera: str = "front") -> int:
    data = b"".join([piece async for piece in playback.clip(camera, T0, T0 + 60 * SECOND_US)])
    with av.open(io.BytesIO(data)) as container:
        return sum(1 for _ in container.decode(video=0))


@pytest.mark.parametrize("finish", [True, False], ids=["closed", "growing"])
async def test_what_was_reported_plays(tmp_path: Path, keyring: Keyring, index: IndexFile, finish: bool) -> None:
    camera = Camera(tmp_path, keyring)
    recordings = RecordingService(index, tmp_path, SystemClock())
    camera.run(*stream(video(), Codec.AAC), segment_s=2, finish=finish)
    for message in camera.messages:
        assert isinstance(message, SegmentOpened | FragmentSealed | SegmentClosed)
        await recordings.take("front", message)
    playback = PlaybackService(recordings, tmp_path, keyring)
    assert await frames(playback) == 60
    assert (await playback.playlist("front", T0, T0 + 60 * SECOND_US)).growing is not finish
    playback.close()


async def test_footage_is_watched_while_it_is_recorded(tmp_path: Path, keyring: Keyring, index: IndexFile) -> None:
    """Each fragment plays as soon as it is reported, from a file that was opened when it was shorter."""
    camera = Camera(tmp_path, keyring)
    recordings = RecordingService(index, tmp_path, SystemClock())
    info, samples = stream(video())
    playback = PlaybackService(recordings, tmp_path, keyring)
    camera.run(info, samples, finish=False)
    path = next((tmp_path / "segments").rglob("*.pgs"))
    whole = path.read_bytes()
    seen = []
    for message in camera.messages:
        assert isinstance(message, SegmentOpened | FragmentSealed)
        if isinstance(message, FragmentSealed):
            path.write_bytes(whole[: message.meta.offset + message.meta.size])
        await recordings.take("front", message)
        if isinstance(message, FragmentSealed) and message.meta.index > 0:
            seen.append(await frames(playback))
    assert seen == [15, 30, 45, 60]
    playback.close()
