import threading
import time
from dataclasses import replace
from itertools import pairwise

import av
import pytest
from guardian_testpattern import TestPatternPlugin
from guardian_testpattern.config import TestPatternConfig
from guardian_testpattern.source import TestPatternSource, _background, _picture
from pydantic import ValidationError

from guardian.capture.normalise import NewRun, Normaliser
from guardian.sdk import Codec


def read(n, **settings):
    source = TestPatternSource(TestPatternConfig(**{"width": 160, "height": 120, "fps": 30, **settings}))
    info = source.open(threading.Event())
    packets = []
    while sum(packet.kind == "video" for packet in packets) < n:
        packet = source.read(1.0)
        if packet is not None:
            packets.append(packet)
    source.close()
    source.close()
    return info, packets


@pytest.mark.parametrize("tone", [False, True])
def test_it_gives_pictures_and_sound_that_decode(tone):
    info, packets = read(35, tone=tone)
    assert (info.video.codec, info.video.width, info.video.height) == (Codec.H264, 160, 120)
    decoder = av.CodecContext.create("h264", "r")
    decoder.extradata = info.video.config
    video = [packet for packet in packets if packet.kind == "video"]
    pictures = [frame for packet in video for frame in decoder.decode(av.Packet(packet.data))] + decoder.decode(None)
    assert len(pictures) == 35
    assert [n for n, packet in enumerate(video) if packet.is_key] == [0, 30]
    assert {after.dts - before.dts for before, after in pairwise(video)} == {3000}
    assert (info.audio is not None) is tone
    if tone:
        decoder = av.CodecContext.create("aac", "r")
        decoder.extradata = info.audio.config
        heard = [f for p in packets if p.kind == "audio" for f in decoder.decode(av.Packet(p.data))]
        assert sum(frame.samples for frame in heard) / 16_000 == pytest.approx(35 / 30, abs=0.3)
        assert max(abs(frame.to_ndarray()).max() for frame in heard) > 0.02


def test_it_goes_through_as_one_run():
    info, packets = read(20, tone=True)
    normaliser = Normaliser(info)
    steps = [step for packet in packets for step in normaliser.push(packet)]
    assert sum(isinstance(step, NewRun) for step in steps) == 1
    assert sum(not isinstance(step, NewRun) and step.kind == "video" for step in steps) == 20
    assert normaliser.dropped == 0


def test_it_comes_in_real_time_and_waiting_is_bounded():
    source = TestPatternSource(TestPatternConfig(width=64, height=64, fps=10))
    source.open(threading.Event())
    began, came = time.monotonic(), 0
    while came < 11:
        came += source.read(1.0) is not None
    assert time.monotonic() - began == pytest.approx(1.0, rel=0.1)
    began = time.monotonic()
    assert source.read(0.02) is None
    assert time.monotonic() - began < 0.08


def test_the_hand_turns():
    background = _background(160, 120)
    turned = [_picture(background, turn) for turn in (0.0, 0.25, 0.5)]
    assert all(picture.shape == (180, 160) for picture in turned)
    assert all((before != after).any() for before, after in pairwise(turned))
    assert (_picture(background, 0.0) == _picture(background, 1.0)).mean() > 0.99


@pytest.mark.parametrize("size", [(64, 64), (66, 98), (322, 182), (1920, 1080)])
def test_every_size_can_be_drawn(size):
    info, packets = read(1, width=size[0], height=size[1])
    ((_, sample),) = [tuple(Normaliser(info).push(replace(packets[0])))]
    assert sample.is_key


@pytest.mark.parametrize("wrong", [{"width": 65}, {"height": 20}, {"fps": 0}, {"fps": 61}, {"colour": "red"}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValidationError):
        TestPatternConfig(**wrong)


def test_the_plugin_brings_its_kind():
    (kind,) = TestPatternPlugin.register_cameras(None)
    assert kind.name == "testpattern"
    assert kind.streams(TestPatternConfig()) == ("main",)
    assert isinstance(kind.make(TestPatternConfig(), "main"), TestPatternSource)
