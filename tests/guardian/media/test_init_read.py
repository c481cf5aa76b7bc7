"""The picture's description, read from init segments that we wrote."""

import pytest

from guardian.media.decoder_config import record_of
from guardian.media.fmp4_write import init_segment
from guardian.media.init_read import video_track
from guardian.model.errors import Damaged
from guardian.model.media import Codec
from tests.support.footage import stream, video


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
@pytest.mark.parametrize("sound", [None, Codec.AAC])
def test_what_was_written_is_read(codec: Codec, sound: Codec | None) -> None:
    info, _ = stream(video(codec), sound)
    found = video_track(init_segment(info))
    assert (found.codec, found.width, found.height) == (codec, info.video.width, info.video.height)
    assert found.config == record_of(info.video)


@pytest.mark.parametrize("data", [b"", b"\0\0\0\x08free", b"no mp4 at all"], ids=["nothing", "no moov", "text"])
def test_what_is_no_init_segment_is_damaged(data: bytes) -> None:
    with pytest.raises(Damaged) as caught:
        video_track(data)
    assert caught.value.cure


def test_one_that_is_cut_off_is_damaged_and_never_more() -> None:
    whole = init_segment(stream(video(Codec.H264))[0])
    for end in range(0, len(whole) - 1, 7):
        with pytest.raises(Damaged):
            video_track(whole[:end])
