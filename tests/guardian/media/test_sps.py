from fractions import Fraction

import av
import pytest

from guardian.media.decoder_config import reorder_depth
from guardian.model.media import Codec, TrackInfo


@pytest.mark.parametrize(
    ("encoder", "options", "depth"),
    [
        ("libx264", {"x264-params": "bframes=0"}, 0),
        ("libx264", {"x264-params": "bframes=1"}, 1),
        ("libx264", {"x264-params": "bframes=3:b-pyramid=normal:nal-hrd=vbr:vbv-maxrate=500:vbv-bufsize=500"}, 2),
        ("libx264", {"profile": "baseline"}, 0),
        ("libx265", {"x265-params": "bframes=0:log-level=none"}, 0),
        ("libx265", {"x265-params": "bframes=4:b-pyramid=1:log-level=none"}, 2),
    ],
)
def test_how_many_pictures_are_held_back_is_read(encoder, options, depth):
    context = av.CodecContext.create(encoder, "w")
    context.width, context.height, context.pix_fmt, context.time_base = 320, 240, "yuv420p", Fraction(1, 25)
    context.flags |= 1 << 22  # global header
    context.options = {"preset": "veryfast", **options}
    context.open()
    codec = Codec.H264 if encoder == "libx264" else Codec.H265
    track = TrackInfo("video", codec, 90_000, bytes(context.extradata), 320, 240)
    assert reorder_depth(track) == depth


def test_a_stream_without_parameter_sets_says_nothing():
    assert reorder_depth(TrackInfo("video", Codec.H264, 90_000, b"", 0, 0)) is None
