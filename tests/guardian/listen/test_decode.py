"""Sound of every codec a camera may send, as 16 kHz blocks with times; damage and gaps."""

import av
import numpy as np
import pytest

from guardian.listen.decode import BLOCK, RATE, Blocks, SoundDecoder
from guardian.model.media import Codec, TrackInfo
from tests.support.footage import sound


def pitch(samples):
    return np.argmax(np.abs(np.fft.rfft(samples))) * RATE / len(samples)


@pytest.mark.parametrize("codec", [Codec.AAC, Codec.OPUS])
def test_a_tone_stays_a_tone(codec):
    track, packets = sound(codec, seconds=2.0)
    decoder = SoundDecoder(track)
    samples = np.concatenate([decoder.decode(data) for data, *_ in packets])
    assert len(samples) == pytest.approx(2 * RATE, rel=0.1)
    assert pitch(samples[RATE // 2 : RATE]) == pytest.approx(440, abs=3)
    assert np.abs(samples[RATE // 2 : RATE]).max() == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize(("codec", "name"), [(Codec.PCMU, "pcm_mulaw"), (Codec.PCMA, "pcm_alaw")])
def test_g711_that_mp4_cannot_carry_is_heard_all_the_same(codec, name):
    encoder = av.CodecContext.create(name, "w")
    encoder.sample_rate, encoder.layout, encoder.format = 8000, "mono", "s16"
    tone = (np.sin(np.arange(8000) * 2 * np.pi * 440 / 8000) * 16_000).astype(np.int16)
    packets = []
    for at in range(0, 8000, 160):
        frame = av.AudioFrame.from_ndarray(tone[None, at : at + 160], format="s16", layout="mono")
        frame.sample_rate = 8000
        packets += encoder.encode(frame)
    decoder = SoundDecoder(TrackInfo("audio", codec, 8000))
    samples = np.concatenate([decoder.decode(bytes(packet)) for packet in packets])
    assert pitch(samples[4000:12_000]) == pytest.approx(440, abs=3)


def test_a_frame_with_an_adts_header_and_damage():
    track, packets = sound(Codec.AAC, seconds=1.0)
    header = bytes([0xFF, 0xF1, 0x4C, 0x40, 0x00, 0x1F, 0xFC])
    decoder = SoundDecoder(track)
    samples = [decoder.decode(header + data) for data, *_ in packets]
    assert sum(map(len, samples)) > RATE * 0.8
    assert len(decoder.decode(b"\x21\xff\x00 no sound at all")) < BLOCK
    assert len(np.concatenate([decoder.decode(data) for data, *_ in packets])) > RATE * 0.7


def test_blocks_follow_each_other_by_count_and_not_by_arrival():
    blocks, out = Blocks(), []
    for turn in range(10):  # 0.15 s each, arriving with up to half a second of jitter
        out += blocks.push(np.zeros(2400, np.float32), 1_000_000 + turn * 150_000 + (turn % 3) * 250_000)
    times = [at for at, _ in out]
    assert len(out) == 15
    assert {len(samples) for _, samples in out} == {BLOCK}
    assert np.diff(times).tolist() == [100_000] * 14


def test_after_a_gap_times_begin_anew():
    blocks = Blocks()
    blocks.push(np.zeros(1000, np.float32), 1_000_000)
    (start, _), *_ = blocks.push(np.zeros(1600, np.float32), 60_000_000)
    assert start == 59_900_000
    assert blocks.push(np.empty(0, np.float32), 0) == []
