import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian.media import decoder_config as dc
from guardian.media.nal import ParameterSets
from guardian.media.sps import parse_sps
from guardian.model.errors import Damaged
from guardian.model.media import Codec, TrackInfo
from tests.support.footage import video

# as FFmpeg's muxer writes them for x264 and x265 (its SEI array left out)
AVCC = bytes.fromhex("0164000dffe1001a6764000dacd941419f9f0110000003001000000303c0f142996001000668ebe3cb22c0fdf8f800")
HVCC = bytes.fromhex(
    "0101600000009000000000003cf000fcfdf8f800000f03a00001001840010c01ffff01600000030090000003000003003c959809a1000100"
    "2a42010101600000030090000003000003003ca00a480b9c9596566924caf0168080000003008000000c84a2000100074401c172b46240"
)


def track(codec: Codec, config: bytes) -> TrackInfo:
    return TrackInfo("video", codec, 90_000, config)


@pytest.mark.parametrize(("codec", "record"), [(Codec.H264, AVCC), (Codec.H265, HVCC)])
def test_records_come_back_byte_for_byte_from_either_form(codec: Codec, record: bytes) -> None:
    sets = dc.parameter_sets(codec, record)
    assert sets.complete
    assert dc.decoder_record(sets) == record
    assert dc.record_of(track(codec, dc.annexb_config(sets))) == record
    assert dc.length_size(codec, record) == 4


def test_names_of_codecs() -> None:
    assert dc.codec_string(track(Codec.H264, AVCC)) == "avc1.64000D"
    assert dc.codec_string(track(Codec.H265, HVCC)) == "hvc1.1.6.L60.90"
    assert dc.codec_string(TrackInfo("audio", Codec.AAC, 16_000, b"\x14\x08")) == "mp4a.40.2"
    assert dc.codec_string(TrackInfo("audio", Codec.AAC, 16_000, b"\x2b\x92\x08")) == "mp4a.40.5"
    assert dc.codec_string(TrackInfo("audio", Codec.AAC, 16_000, b"\xf9\x48")) == "mp4a.40.42"
    assert dc.codec_string(TrackInfo("audio", Codec.OPUS, 48_000)) == "opus"
    assert dc.codec_string(TrackInfo("audio", Codec.PCMA, 8_000)) == ""


def test_main_10_high_tier_name() -> None:
    sets = dc.parameter_sets(Codec.H265, HVCC)
    sps = bytearray(sets.sps[0])
    sps[3] = 0x22  # space 0, high tier, profile 2
    sps[4:6] = b"\x20\x00"  # compatible with profile 2
    named = dc.annexb_config(ParameterSets(Codec.H265, (bytes(sps),), sets.pps, sets.vps))
    assert dc.codec_string(track(Codec.H265, named)) == "hvc1.2.4.H60.90"


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
@pytest.mark.parametrize(("width", "height"), [(320, 180), (162, 98), (1920, 1080), (130, 66)])
def test_sizes_are_those_after_cropping(codec: Codec, width: int, height: int) -> None:
    clip = video(codec, frames=1, width=width, height=height)
    info = dc.sps_info(track(codec, clip.config))
    assert (info.width, info.height) == (width, height)
    assert (info.chroma_format, info.bit_depth_luma) == (1, 8)


@pytest.mark.parametrize("profile", ["high422", "high444", "high10", "baseline"])
def test_profiles_with_other_formats(profile: str) -> None:
    pixels = {"high422": "yuv422p", "high444": "yuv444p", "high10": "yuv420p10le", "baseline": "yuv420p"}[profile]
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = 162, 98, pixels
    context.framerate = 25
    if profile == "baseline":
        params = "bframes=0:cabac=0:8x8dct=0"
    else:
        params = "cqm=jvt" if profile == "high10" else "cqm=jvt:interlaced=1"
    context.options = {"x264-params": params}
    context.flags |= 0x400000
    context.open()
    info = dc.sps_info(track(Codec.H264, bytes(context.extradata or b"")))
    assert (info.width, info.height) == (162, 98)
    assert info.bit_depth_luma == (10 if profile == "high10" else 8)
    assert info.chroma_format == {"yuv422p": 2, "yuv444p": 3}.get(pixels, 1)


def test_an_incomplete_configuration_is_refused_with_a_cure() -> None:
    for config in (b"", b"\x00\x00\x00\x01" + dc.parameter_sets(Codec.H264, AVCC).sps[0], AVCC[:20], AVCC[:-12]):
        with pytest.raises(Damaged) as caught:
            dc.record_of(track(Codec.H264, config))
        assert caught.value.cure


@given(st.binary(max_size=120), st.integers(0, 110), st.binary(min_size=1, max_size=4))
def test_hostile_configuration_ends_in_a_value_or_in_damaged(noise: bytes, at: int, patch: bytes) -> None:
    for codec, record in ((Codec.H264, AVCC), (Codec.H265, HVCC)):
        for config in (noise, b"\x01" + noise, record[:at] + patch + record[at + len(patch) :]):
            try:
                dc.codec_string(track(codec, config))
                dc.record_of(track(codec, config))
            except Damaged:
                pass


@given(st.binary(max_size=60))
def test_hostile_sps_ends_in_a_value_or_in_damaged(noise: bytes) -> None:
    for codec in (Codec.H264, Codec.H265):
        try:
            info = parse_sps(codec, noise)
        except Damaged:
            continue
        assert 0 < info.width <= 32_768
        assert 0 < info.height <= 32_768
