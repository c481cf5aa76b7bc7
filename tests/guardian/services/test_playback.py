import io
from itertools import pairwise
from pathlib import Path

import av
import pytest

from guardian.media.fmp4_read import fragment_info
from guardian.model.errors import BadRequest, NotFound, ServiceUnavailable, VaultLocked
from guardian.model.media import Codec
from guardian.model.time import SECOND_US
from guardian.services.folder_footage import FolderFootage
from guardian.services.playback import MAX_SPAN_US, PlaybackService
from guardian.services.transcode import Transcoding
from guardian.vault.keyring import Keyring
from guardian.vault.reader import SegmentReader
from tests.support.footage import stream, video
from tests.support.sealed import T0, Camera

SECRET = "correct horse battery staple"


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return Keyring.create(tmp_path_factory.mktemp("vault"), SECRET, now_us=T0)


@pytest.fixture
def camera(tmp_path: Path, keyring: Keyring) -> Camera:
    return Camera(tmp_path, keyring)


@pytest.fixture
def playback(tmp_path: Path, keyring: Keyring):
    service = PlaybackService(FolderFootage(tmp_path), tmp_path, keyring)
    yield service
    service.close()


async def clip(playback: PlaybackService, start_s: float = 0, end_s: float = 60, **options: bool) -> bytes:
    start_us, end_us = T0 + round(start_s * SECOND_US), T0 + round(end_s * SECOND_US)
    return b"".join([piece async for piece in playback.clip("front", start_us, end_us, **options)])


def frames(data: bytes) -> list[float]:
    """Decode everything; return the times of the pictures."""
    with av.open(io.BytesIO(data)) as container:
        return [float(frame.time) for frame in container.decode(video=0)]


async def test_four_seconds_in_two_segments_of_one_run_play_in_one_go(camera: Camera, playback: PlaybackService) -> None:
    info, samples = stream(video(), Codec.AAC)
    first, second = camera.run(info, samples, segment_s=2)
    playlist = await playback.playlist("front", T0, T0 + 60 * SECOND_US)
    assert {entry.segment_id for entry in playlist.entries} == {first.header.segment_id, second.header.segment_id}
    assert [entry.new_init for entry in playlist.entries] == [True] + [False] * (len(playlist.entries) - 1)
    assert not any(entry.discontinuity for entry in playlist.entries)
    assert playlist.codecs.startswith("avc1.")
    assert "mp4a" in playlist.codecs
    assert sum(entry.duration_90k for entry in playlist.entries) == pytest.approx(4 * 90_000, abs=6000)
    whole = await playback.init(first.header.segment_id)
    for entry in playlist.entries:
        whole += await playback.fragment(entry.segment_id, entry.index)
    assert len(frames(whole)) == 60


async def test_a_playlist_begins_at_the_keyframe_before(camera: Camera, playback: PlaybackService) -> None:
    camera.run(*stream(video(frames=90, gop=60)))  # one GOP of 4 s, split into fragments of 2 s
    playlist = await playback.playlist("front", T0 + 3 * SECOND_US, T0 + round(3.5 * SECOND_US))
    assert [entry.is_key for entry in playlist.entries] == [True, False]
    assert playlist.start_us == T0
    assert playlist.end_us >= T0 + round(3.5 * SECOND_US)


async def test_a_span_that_nothing_touches_is_empty(camera: Camera, playback: PlaybackService) -> None:
    camera.run(*stream(video()))
    for start_us in (T0 - 60 * SECOND_US, T0 + 5 * SECOND_US):
        assert not (await playback.playlist("front", start_us, start_us + SECOND_US)).entries
    with pytest.raises(NotFound):
        await clip(playback, 100, 101)


@pytest.mark.parametrize("length", [0, -1, MAX_SPAN_US + 1])
async def test_a_span_must_make_sense(playback: PlaybackService, length: int) -> None:
    with pytest.raises(BadRequest) as caught:
        await playback.playlist("front", T0, T0 + length)
    assert caught.value.field == "end"
    assert caught.value.cure


async def test_a_new_run_is_a_discontinuity_with_its_own_init(camera: Camera, playback: PlaybackService) -> None:
    camera.run(*stream(video()))
    camera.run(*stream(video()), T0 + 30 * SECOND_US)
    entries = (await playback.playlist("front", T0, T0 + 60 * SECOND_US)).entries
    breaks = [at for at, entry in enumerate(entries) if entry.discontinuity]
    assert breaks == [len(entries) // 2]
    assert entries[breaks[0]].new_init
    assert entries[breaks[0]].start_utc_us == T0 + 30 * SECOND_US


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
async def test_a_clip_over_two_runs_begins_at_0_and_has_no_gap(
    camera: Camera, playback: PlaybackService, codec: Codec
) -> None:
    camera.run(*stream(video(codec, bframes=2), Codec.AAC))
    camera.run(*stream(video(codec, bframes=2), Codec.AAC), T0 + 30 * SECOND_US)
    data = await clip(playback)
    times = frames(data)
    assert len(times) == 120
    assert times[0] < 0.3
    assert max(b - a for a, b in pairwise(times)) < 0.3
    assert times == sorted(times)
    with av.open(io.BytesIO(data)) as container:
        sound = [float(packet.dts * packet.time_base) for packet in container.demux(audio=0) if packet.dts is not None]
    assert sound == sorted(sound)
    assert max(abs(b - a) for a, b in pairwise(sound)) < 0.3


async def test_a_clip_from_the_middle_begins_at_0(camera: Camera, playback: PlaybackService) -> None:
    camera.run(*stream(video(frames=150), Codec.AAC))
    data = await clip(playback, 4.5, 6.5)
    times = frames(data)
    assert times[0] == pytest.approx(0, abs=0.05)
    assert 2 <= times[-1] <= 4
    assert times[-1] - times[0] == pytest.approx((len(times) - 1) / 15, abs=0.01)


async def test_fragments_of_a_clip_are_numbered(camera: Camera, playback: PlaybackService) -> None:
    camera.run(*stream(video()))
    camera.run(*stream(video()), T0 + 30 * SECOND_US)
    pieces = [piece async for piece in playback.pieces("front", T0, T0 + 60 * SECOND_US)]
    numbers = [fragment_info(piece.data).sequence for piece in pieces[1:]]
    assert numbers == list(range(1, len(numbers) + 1))
    assert pieces[-1].share == 1.0


async def test_a_clip_ends_where_the_picture_changes_its_form(camera: Camera, playback: PlaybackService) -> None:
    camera.run(*stream(video()))
    camera.run(*stream(video(Codec.H265)), T0 + 30 * SECOND_US)
    pieces = [piece async for piece in playback.pieces("front", T0, T0 + 60 * SECOND_US)]
    assert len(frames(b"".join(piece.data for piece in pieces))) == 60
    assert "2026-11-23T00:00:30" in pieces[-1].note


async def test_sound_that_goes_does_not_end_a_clip(camera: Camera, playback: PlaybackService) -> None:
    camera.run(*stream(video(), Codec.AAC))
    camera.run(*stream(video()), T0 + 30 * SECOND_US)
    assert len(frames(await clip(playback))) == 120


async def test_a_growing_segment_plays_and_its_playlist_says_so(camera: Camera, playback: PlaybackService) -> None:
    camera.run(*stream(video()), finish=False)
    playlist = await playback.playlist("front", T0, T0 + 60 * SECOND_US)
    assert playlist.growing
    assert len(frames(await clip(playback))) == 60
    assert not (await playback.playlist("front", T0, T0 + SECOND_US)).growing


async def test_a_locked_vault_opens_nothing_that_was_open(
    camera: Camera, playback: PlaybackService, keyring: Keyring
) -> None:
    (record,) = camera.run(*stream(video()))
    assert await clip(playback)
    keyring.lock()
    try:
        for call in (
            playback.playlist("front", T0, T0 + SECOND_US),
            playback.init(record.header.segment_id),
            playback.fragment(record.header.segment_id, 1),
        ):
            with pytest.raises(VaultLocked):
                await call
        with pytest.raises(VaultLocked):
            await clip(playback)
        assert not playback._open._entries
    finally:
        keyring.unlock(SECRET)
    assert await clip(playback)


async def test_a_vault_that_locks_while_a_file_is_opened_leaves_no_key_behind(
    camera: Camera, playback: PlaybackService, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    (record,) = camera.run(*stream(video()))
    await playback.playlist("front", T0, T0 + SECOND_US)
    enter = SegmentReader.__enter__

    def then_locked(self: SegmentReader) -> SegmentReader:
        found = enter(self)
        keyring.lock()
        playback.vault_changed(False)
        return found

    monkeypatch.setattr(SegmentReader, "__enter__", then_locked)
    try:
        with pytest.raises(VaultLocked):
            await playback.fragment(record.header.segment_id, 1)
        assert not playback._open._entries
    finally:
        keyring.unlock(SECRET)


@pytest.mark.parametrize("index", [0, -1, 99])
async def test_there_is_no_such_fragment(camera: Camera, playback: PlaybackService, index: int) -> None:
    (record,) = camera.run(*stream(video()))
    await playback.playlist("front", T0, T0 + SECOND_US)
    with pytest.raises(NotFound):
        await playback.fragment(record.header.segment_id, index)


async def test_footage_that_was_deleted_is_not_found(tmp_path: Path, camera: Camera, playback: PlaybackService) -> None:
    (record,) = camera.run(*stream(video()))
    await playback.playlist("front", T0, T0 + SECOND_US)
    (tmp_path / "segments" / record.path).unlink()
    with pytest.raises(NotFound):
        await playback.fragment(record.header.segment_id, 1)


async def test_at_most_so_many_files_stay_open(tmp_path: Path, camera: Camera, keyring: Keyring) -> None:
    records = camera.run(*stream(video(frames=90)), segment_s=1)
    playback = PlaybackService(FolderFootage(tmp_path), tmp_path, keyring)
    playback._open._most = 2
    assert len(records) == 6
    for _ in range(2):
        assert len(frames(await clip(playback))) == 90
    assert len(playback._open._entries) == 2
    playback.close()
    assert not playback._open._entries


async def test_use_is_reported_so_that_the_vault_stays_open(tmp_path: Path, camera: Camera, keyring: Keyring) -> None:
    camera.run(*stream(video()))
    uses: list[bool] = []
    playback = PlaybackService(FolderFootage(tmp_path), tmp_path, keyring, used=lambda: uses.append(True))
    await playback.playlist("front", T0, T0 + SECOND_US)
    assert not uses
    await clip(playback)
    assert uses
    playback.close()


class Echo:
    """A transcoder that marks what it was given."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    async def transcode(self, init: bytes, fragments: list[bytes]) -> Transcoding:
        self.asked.append(len(fragments))
        return Transcoding(b"init264", b"fragment264" if fragments else b"")


async def test_h265_is_transcoded_from_its_keyframe_on_and_once(tmp_path: Path, camera: Camera, keyring: Keyring) -> None:
    (record,) = camera.run(*stream(video(Codec.H265, frames=75, gop=60)))
    echo = Echo()
    playback = PlaybackService(FolderFootage(tmp_path), tmp_path, keyring, echo)
    await playback.playlist("front", T0, T0 + SECOND_US)
    segment = record.header.segment_id
    for _ in range(2):
        assert await playback.init(segment, as_h264=True) == b"init264"
        assert await playback.fragment(segment, 2, as_h264=True) == b"fragment264"
    assert echo.asked == [0, 2]
    keyring.lock()
    try:
        with pytest.raises(VaultLocked):
            await playback.fragment(segment, 2, as_h264=True)
        assert not playback._transcoded._kept
    finally:
        keyring.unlock(SECRET)
        playback.close()


async def test_h264_is_never_transcoded_and_h265_needs_a_transcoder(camera: Camera, playback: PlaybackService) -> None:
    (plain,) = camera.run(*stream(video()))
    (other,) = camera.run(*stream(video(Codec.H265)), T0 + 30 * SECOND_US)
    await playback.playlist("front", T0, T0 + 60 * SECOND_US)
    assert await playback.init(plain.header.segment_id, as_h264=True) == await playback.init(plain.header.segment_id)
    with pytest.raises(ServiceUnavailable):
        await playback.init(other.header.segment_id, as_h264=True)


async def test_a_file_that_was_deleted_does_not_stay_open(camera: Camera, playback: PlaybackService, tmp_path: Path) -> None:
    info, samples = stream(video())
    first, second = camera.run(info, samples, segment_s=2)
    assert await clip(playback)

    def held() -> set[str]:
        links = [fd.readlink() for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink()]
        return {link.name for link in links if link.is_relative_to(tmp_path)}

    gone, kept = (tmp_path / "segments" / one.path for one in (first, second))
    gone.unlink()
    assert held() == {f"{gone.name} (deleted)", kept.name}
    playback.drop_gone()
    assert held() == {kept.name}
    with pytest.raises(NotFound):
        await playback.init(first.header.segment_id)
    assert await playback.init(second.header.segment_id)
