"""NAL units of H.264 (ITU-T H.264, annex B) and H.265 (H.265, annex B): framing, kinds, parameter sets.

On the wire units stand behind start codes (`00 00 01`); in MP4 each follows its own length in four bytes, big endian.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from guardian.model.errors import Damaged
from guardian.model.media import Codec

_START_CODE = re.compile(b"\x00\x00\x01")  # twice as fast as bytes.find with a needle of three
_LENGTH = 4

# H.264 table 7-1
H264_IDR, H264_SPS, H264_PPS, H264_AUD = 5, 7, 8, 9
_H264_PARAMETERS = frozenset({H264_SPS, H264_PPS, 13, 15})  # 13: SPS extension, 15: subset SPS
_H264_NOISE = frozenset({H264_AUD, 12})  # 12: filler
# H.265 table 7-1
H265_FIRST_IRAP, H265_LAST_IRAP = 16, 23
H265_VPS, H265_SPS, H265_PPS, H265_AUD = 32, 33, 34, 35
_H265_PARAMETERS = frozenset({H265_VPS, H265_SPS, H265_PPS})
_H265_NOISE = frozenset({H265_AUD, 38})  # 38: filler
_NOISE = {Codec.H264: _H264_NOISE, Codec.H265: _H265_NOISE}
_PARAMETERS = {Codec.H264: _H264_PARAMETERS, Codec.H265: _H265_PARAMETERS}


@dataclass(frozen=True, slots=True)
class ParameterSets:
    """What a decoder must know before the first picture, as NAL units without framing. `vps` is empty for H.264."""

    codec: Codec
    sps: tuple[bytes, ...] = ()
    pps: tuple[bytes, ...] = ()
    vps: tuple[bytes, ...] = ()

    @property
    def complete(self) -> bool:
        """Say whether a decoder can begin with these."""
        return bool(self.sps and self.pps and (self.vps or self.codec is not Codec.H265))


def is_annexb(data: bytes) -> bool:
    """Say whether data is framed by start codes.

    `00 00 01` may also begin the length of a unit of 256 to 511 bytes: then it is Annex B unless the lengths add up.
    `00 00 00 01` would be a unit of one byte, which does not begin an access unit.
    """
    if data.startswith(b"\x00\x00\x00\x01"):
        return True
    return data.startswith(b"\x00\x00\x01") and not _lengths_add_up(data)


def _lengths_add_up(data: bytes) -> bool:
    at = 0
    while at < len(data):
        at += _LENGTH + int.from_bytes(data[at : at + _LENGTH], "big")
    return at == len(data)


def unit_type(codec: Codec, unit: bytes | memoryview) -> int:
    """Return nal_unit_type of a unit; -1 of an empty one."""
    if not unit:
        return -1
    return unit[0] >> 1 & 0x3F if codec is Codec.H265 else unit[0] & 0x1F


def split_annexb(data: bytes) -> list[tuple[int, int]]:
    """Return where each unit begins and ends, start codes and trailing zeros left out, empty units skipped.

    Bytes before the first start code belong to no unit.
    """
    bounds: list[tuple[int, int]] = []
    start = -1
    for match in _START_CODE.finditer(data):
        if start >= 0:
            _add(bounds, data, start, match.start())
        start = match.end()
    if start >= 0:
        _add(bounds, data, start, len(data))
    return bounds


def _add(bounds: list[tuple[int, int]], data: bytes, start: int, end: int) -> None:
    """Note a unit; its last byte is never zero (7.4.1.1), so zeros at its end are framing."""
    if end > start and data[end - 1] == 0:
        end = start + len(data[start:end].rstrip(b"\x00"))
    if end > start:
        bounds.append((start, end))


def split_lengths(data: bytes, length_size: int = _LENGTH) -> list[tuple[int, int]]:
    """Return where each unit of length-prefixed data begins and ends. Damaged where a length leads past the end."""
    bounds: list[tuple[int, int]] = []
    at, total = 0, len(data)
    while at < total:
        start = at + length_size
        end = start + int.from_bytes(data[at:start], "big")
        if end > total:
            raise Damaged("a NAL unit is longer than its packet", cure="The packet is incomplete; drop it.")
        if end > start:
            bounds.append((start, end))
        at = end
    return bounds


def units(data: bytes, length_size: int = _LENGTH) -> Iterator[memoryview]:
    """Yield the units of an access unit of either framing."""
    view = memoryview(data)
    for start, end in split_annexb(data) if is_annexb(data) else split_lengths(data, length_size):
        yield view[start:end]


def annexb_to_length_prefixed(data: bytes, codec: Codec | None = None, *, keep_parameter_sets: bool = False) -> bytes:
    """Return Annex B data as length-prefixed units.

    With a codec, access unit delimiters and filler go, and parameter sets too unless they are to be kept (in MP4 they
    stand in the sample entry). Without one every unit stays.
    """
    return _framed(data, split_annexb(data), codec, keep_parameter_sets)


def clean_length_prefixed(
    data: bytes, codec: Codec, *, keep_parameter_sets: bool = False, length_size: int = _LENGTH
) -> bytes:
    """Drop from length-prefixed data what `annexb_to_length_prefixed` would drop; lengths of four bytes come back."""
    bounds = split_lengths(data, length_size)
    if length_size == _LENGTH:
        unwanted = _NOISE[codec] if keep_parameter_sets else _NOISE[codec] | _PARAMETERS[codec]
        shift, mask = (1, 0x3F) if codec is Codec.H265 else (0, 0x1F)
        for start, _ in bounds:
            if data[start] >> shift & mask in unwanted:
                break
        else:
            return data
    return _framed(data, bounds, codec, keep_parameter_sets)


def to_sample_data(data: bytes, codec: Codec, *, keep_parameter_sets: bool = False, length_size: int = _LENGTH) -> bytes:
    """Return an access unit of either framing as MP4 wants it; empty where nothing worth keeping is in it."""
    if is_annexb(data):
        return annexb_to_length_prefixed(data, codec, keep_parameter_sets=keep_parameter_sets)
    return clean_length_prefixed(data, codec, keep_parameter_sets=keep_parameter_sets, length_size=length_size)


def length_prefixed_to_annexb(data: bytes) -> bytes:
    """Return length-prefixed units behind start codes of four bytes."""
    view = memoryview(data)
    parts: list[bytes | memoryview] = []
    for start, end in split_lengths(data):
        parts += (b"\x00\x00\x00\x01", view[start:end])
    return b"".join(parts)


def _framed(data: bytes, bounds: list[tuple[int, int]], codec: Codec | None, keep_parameter_sets: bool) -> bytes:
    view = memoryview(data)
    parts: list[bytes | memoryview] = []
    for start, end in bounds:
        if codec is None or not _unwanted(data, start, codec, keep_parameter_sets):
            parts += ((end - start).to_bytes(_LENGTH, "big"), view[start:end])
    return b"".join(parts)


def _unwanted(data: bytes, start: int, codec: Codec, keep_parameter_sets: bool) -> bool:
    kind = data[start] >> 1 & 0x3F if codec is Codec.H265 else data[start] & 0x1F
    return kind in _NOISE[codec] or (kind in _PARAMETERS[codec] and not keep_parameter_sets)


def is_keyframe(codec: Codec, data: bytes) -> bool:
    """Say whether an access unit of either framing begins a sequence: H.264 IDR, H.265 IRAP (BLA, IDR, CRA)."""
    for unit in units(data):
        kind = unit_type(codec, unit)
        if codec is Codec.H265:
            if kind <= 31:  # the first coded slice decides
                return H265_FIRST_IRAP <= kind <= H265_LAST_IRAP
        elif 1 <= kind <= 5:
            return kind == H264_IDR
    return False


def parameter_sets_in_band(codec: Codec, data: bytes) -> ParameterSets:
    """Return the parameter sets that stand in an access unit, or in Annex B configuration, each once, in order."""
    sps_type, pps_type = (H265_SPS, H265_PPS) if codec is Codec.H265 else (H264_SPS, H264_PPS)
    found: dict[int, dict[bytes, None]] = {H265_VPS: {}, sps_type: {}, pps_type: {}}
    for unit in units(data):
        kind = unit_type(codec, unit)
        if kind in found and (kind != H265_VPS or codec is Codec.H265):
            found[kind][bytes(unit)] = None
    return ParameterSets(codec, tuple(found[sps_type]), tuple(found[pps_type]), tuple(found[H265_VPS]))
