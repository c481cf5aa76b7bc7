"""Frames from length-prefixed samples: times, planes, colour, damage."""

from dataclasses import replace

import av
import numpy as np
import pytest

from guardian.model.media import Codec
from guardian.model.time import SECOND_US
from guardian.watch.decode import Decoder, Picture
from tests.support.footage import stream, video

T0 = 1_800_000_000 * SECOND_US


def decoded(info, samples):
    decoder = Decoder(info, T0)
    return decoder, [picture for sample in samples for picture in decoder.decode(sample)]


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
def test_every_frame_comes_with_its_own_time(codec):
    info, samples = stream(video(codec, frames=30))
    decoder, pictures = decoded(info, samples)
    assert decoder.faults == 0
    assert [(p.width, p.height) for p in pictures] == [(162, 98)] * len(pictures)
    late = len(samples) - len(pictures)  # H.265 holds frames back for reordering
    assert late <= 2
    wanted = sorted(T0 + (s.dts + s.cts_offset) * SECOND_US // 90_000 for s in samples)
    assert [p.utc_us for p in pictures] == wanted[: len(pictures)]


def test_times_follow_presentation_with_b_frames():
    info, samples = stream(video(frames=30, bframes=2))
    _, pictures = decoded(info, samples)
    times = [picture.utc_us for picture in pictures]
    assert len(times) >= 27
    wanted = sorted(T0 + (s.dts + s.cts_offset) * SECOND_US // 90_000 for s in samples)
    assert times == wanted[: len(times)]


def test_the_planes_are_what_was_encoded():
    info, samples = stream(video(frames=3))
    _, pictures = decoded(info, samples)
    luma = pictures[0].luma()
    assert luma.shape == (98, 162)
    assert luma.base is not None, "a view, not a copy"
    assert luma[10:40, 3:17].mean() == pytest.approx(235, abs=6)
    assert pictures[0].bgr().shape == (98, 162, 3)


def test_a_part_in_colour_is_the_same_as_cut_from_the_whole():
    info, samples = stream(video(frames=3))
    _, pictures = decoded(info, samples)
    whole, part = pictures[1].bgr(), pictures[1].bgr((21, 11, 81, 61))
    assert np.array_equal(part, whole[10:62, 20:82])


@pytest.mark.parametrize("size", [(64, 48), (65, 49)])
@pytest.mark.parametrize("pixels", ["yuv420p", "yuvj420p", "yuv422p", "gray", "rgb24"])
def test_colours_are_right_in_every_format(pixels, size):
    image = np.zeros((size[1], size[0], 3), np.uint8)
    image[:] = (30, 120, 200)
    if pixels == "gray":
        image[:] = 120
    frame = av.VideoFrame.from_ndarray(image, format="bgr24").reformat(
        format=pixels, dst_color_range="JPEG" if pixels == "yuvj420p" else None
    )
    colour = Picture(frame, T0).bgr()
    assert colour.shape == image.shape
    assert np.abs(colour.astype(int) - image.astype(int)).max() <= 6


def test_a_damaged_sample_costs_frames_and_no_more():
    info, samples = stream(video(frames=45))
    broken = [replace(s, data=b"\x00\x00\xff\xff" + s.data[4:40]) if 3 <= i <= 5 else s for i, s in enumerate(samples)]
    decoder, pictures = decoded(info, broken)
    assert decoder.faults >= 1
    assert len(pictures) >= 30, "from the next keyframe on all is well"
