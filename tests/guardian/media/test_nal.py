import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian.media import nal
from guardian.model.errors import Damaged
from guardian.model.media import Codec
from tests.support.footage import video

AUD, SPS, PPS, SEI, IDR, SLICE, FILLER = b"\x09\xf0", b"\x67abc", b"\x68de", b"\x06x", b"\x65pic", b"\x41pic", b"\x0c\xff"
CODE3, CODE4 = b"\x00\x00\x01", b"\x00\x00\x00\x01"


def lengths(*units: bytes) -> bytes:
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


def test_both_start_codes_and_trailing_zeros_are_framing() -> None:
    data = CODE4 + AUD + CODE3 + IDR + b"\x00\x00\x00" + CODE3 + SLICE + b"\x00\x00"
    assert nal.annexb_to_length_prefixed(data) == lengths(AUD, IDR, SLICE)


def test_delimiters_filler_and_parameter_sets_go() -> None:
    data = b"".join(CODE4 + unit for unit in (AUD, SPS, PPS, SEI, IDR, FILLER))
    assert nal.annexb_to_length_prefixed(data, Codec.H264) == lengths(SEI, IDR)
    assert nal.annexb_to_length_prefixed(data, Codec.H264, keep_parameter_sets=True) == lengths(SPS, PPS, SEI, IDR)


def test_length_prefixed_data_is_cleaned_alike_and_left_alone_when_clean() -> None:
    assert nal.clean_length_prefixed(lengths(AUD, SPS, IDR), Codec.H264) == lengths(IDR)
    clean = lengths(SEI, IDR)
    assert nal.clean_length_prefixed(clean, Codec.H264) is clean


def test_lengths_of_two_bytes_become_four() -> None:
    assert nal.to_sample_data(b"\x00\x04" + IDR, Codec.H264, length_size=2) == lengths(IDR)


def test_h265_types_are_read_from_its_two_byte_header() -> None:
    vps, sps, pps, aud, idr = (bytes([kind << 1, 1]) + b"z" for kind in (32, 33, 34, 35, 19))
    data = b"".join(CODE4 + unit for unit in (aud, vps, sps, pps, idr))
    assert nal.annexb_to_length_prefixed(data, Codec.H265) == lengths(idr)
    assert nal.parameter_sets_in_band(Codec.H265, data) == nal.ParameterSets(Codec.H265, (sps,), (pps,), (vps,))


@given(
    st.lists(
        st.binary(min_size=2, max_size=600).filter(lambda b: b"\x00\x00" not in b and b[-1] and b[0]), min_size=1, max_size=6
    )
)
def test_framing_there_and_back(units: list[bytes]) -> None:
    prefixed = lengths(*units)
    annexb = nal.length_prefixed_to_annexb(prefixed)
    assert nal.is_annexb(annexb)
    assert not nal.is_annexb(prefixed)
    assert nal.annexb_to_length_prefixed(annexb) == prefixed
    assert [bytes(unit) for unit in nal.units(prefixed)] == [bytes(unit) for unit in nal.units(annexb)] == units


def test_a_first_unit_of_300_bytes_is_not_taken_for_a_start_code() -> None:
    sei = b"\x06" + b"s" * 299
    assert lengths(sei)[:3] == CODE3
    assert nal.to_sample_data(lengths(sei, IDR), Codec.H264) == lengths(sei, IDR)


@pytest.mark.parametrize("data", [b"\x00\x00\x00\x09\x65", b"\x00\x00", b"\xff\xff\xff\xff\x65"])
def test_a_length_past_the_end_is_damage(data: bytes) -> None:
    with pytest.raises(Damaged, match="longer than its packet"):
        nal.split_lengths(data)


@given(st.binary(max_size=200))
def test_hostile_bytes_end_in_a_value_or_in_damaged(data: bytes) -> None:
    for codec in (Codec.H264, Codec.H265):
        try:
            nal.to_sample_data(data, codec)
            nal.is_keyframe(codec, data)
            nal.parameter_sets_in_band(codec, data)
        except Damaged:
            pass


def test_keyframes() -> None:
    assert nal.is_keyframe(Codec.H264, lengths(SEI, IDR))
    assert not nal.is_keyframe(Codec.H264, lengths(SLICE, IDR))
    for kind, expected in ((19, True), (20, True), (21, True), (16, True), (23, True), (1, False), (9, False), (24, False)):
        assert nal.is_keyframe(Codec.H265, CODE4 + bytes([35 << 1, 1, 1]) + CODE4 + bytes([kind << 1, 1, 1])) is expected


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
def test_keyframes_agree_with_the_encoder(codec: Codec) -> None:
    units = video(codec, bframes=2).units
    assert [nal.is_keyframe(codec, unit.data) for unit in units] == [unit.is_key for unit in units]
    assert sum(unit.is_key for unit in units) == 4


def test_nothing_is_in_nothing() -> None:
    assert nal.split_annexb(b"") == []
    assert nal.split_annexb(b"no start code") == []
    assert nal.annexb_to_length_prefixed(CODE3 + CODE4 + CODE3) == b""
    assert not nal.is_keyframe(Codec.H264, b"")
    assert not nal.parameter_sets_in_band(Codec.H264, CODE4 + SPS).complete
