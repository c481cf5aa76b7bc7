"""Decoder configuration: avcC and hvcC records (ISO/IEC 14496-15, 5.3.3 and 8.3.3) and names of codecs (RFC 6381)."""

import struct

from guardian.media.nal import (
    H265_PPS,
    H265_SPS,
    H265_VPS,
    ParameterSets,
    length_prefixed_to_annexb,
    parameter_sets_in_band,
)
from guardian.media.sps import SpsInfo, parse_sps
from guardian.model.errors import Damaged
from guardian.model.media import Codec, TrackInfo

_H264_WITH_FORMAT = frozenset({100, 110, 122, 144})
_CURE = "The camera announced no usable decoder configuration; reconnect, or set another codec on the camera."


def is_record(config: bytes) -> bool:
    """Say whether decoder configuration is an avcC or hvcC record (Annex B begins with a zero)."""
    return config[:1] == b"\x01"


def length_size(codec: Codec, config: bytes) -> int:
    """Return how many bytes a unit's length takes in the packets that go with this configuration."""
    at = 21 if codec is Codec.H265 else 4
    return (config[at] & 3) + 1 if is_record(config) and len(config) > at else 4


def parameter_sets(codec: Codec, config: bytes) -> ParameterSets:
    """Return the parameter sets of an avcC or hvcC record or of Annex B configuration; none of an empty one."""
    if not is_record(config):
        return parameter_sets_in_band(codec, config) if config else ParameterSets(codec)
    units = _hvcc_units(config) if codec is Codec.H265 else _avcc_units(config)
    framed = b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)
    return parameter_sets_in_band(codec, length_prefixed_to_annexb(framed))


def decoder_record(sets: ParameterSets) -> bytes:
    """Return the avcC or hvcC record of these parameter sets; Damaged where one is missing or unreadable."""
    if not sets.complete:
        raise Damaged("the stream's parameter sets are incomplete", cure=_CURE)
    return _hvcc(sets) if sets.codec is Codec.H265 else _avcc(sets)


def record_of(track: TrackInfo) -> bytes:
    """Return a video track's avcC or hvcC record, whatever form its configuration has."""
    return decoder_record(parameter_sets(track.codec, track.config))


def annexb_config(sets: ParameterSets) -> bytes:
    """Return the parameter sets behind start codes, as a decoder takes them in band."""
    return b"".join(b"\x00\x00\x00\x01" + unit for unit in (*sets.vps, *sets.sps, *sets.pps))


def sps_info(track: TrackInfo) -> SpsInfo:
    """Read the first SPS of a video track; Damaged where it has none."""
    sets = parameter_sets(track.codec, track.config)
    if not sets.sps:
        raise Damaged("the stream has no sequence parameter set", cure=_CURE)
    return parse_sps(track.codec, sets.sps[0])


def reorder_depth(track: TrackInfo) -> int | None:
    """Return how many pictures may come before one that is shown earlier (0: no B-frames); None where nobody says."""
    try:
        return sps_info(track).reorder
    except Damaged:
        return None


def codec_string(track: TrackInfo) -> str:
    """Return the RFC 6381 name of a track: `avc1.640028`, `hvc1.1.6.L93.B0`, `mp4a.40.2`, `opus`; empty of G.711."""
    if track.codec is Codec.AAC:
        return f"mp4a.40.{aac_object_type(track.config)}"
    if track.codec is Codec.OPUS:
        return "opus"
    if track.codec is Codec.H264:
        return "avc1." + parameter_sets(track.codec, record_of(track)).sps[0][1:4].hex().upper()
    return _hevc_string(sps_info(track)) if track.codec is Codec.H265 else ""


def _hevc_string(info: SpsInfo) -> str:
    """ISO/IEC 14496-15 annex E.3: profile, compatibility with its bits reversed, tier and level, constraints."""
    space = ("", "A", "B", "C")[info.general[0] >> 6]
    tier = "H" if info.general[0] & 0x20 else "L"
    flags = int.from_bytes(info.general[1:5], "big")
    reversed_flags = int(f"{flags:032b}"[::-1], 2)
    constraints = info.general[5:11].rstrip(b"\x00")
    return ".".join(
        [f"hvc1.{space}{info.profile}", f"{reversed_flags:X}", f"{tier}{info.level}", *(f"{b:X}" for b in constraints)]
    )


def aac_object_type(config: bytes) -> int:
    """Return the audio object type of an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1); 2 (LC) of an empty one."""
    if len(config) < 2:
        return 2
    kind = config[0] >> 3
    return kind if kind != 31 else 32 + ((config[0] & 7) << 3 | config[1] >> 5)


def _avcc_units(config: bytes) -> list[bytes]:
    units: list[bytes] = []
    at = 5
    for mask in (0x1F, 0xFF):
        count = _byte(config, at) & mask
        at += 1
        for _ in range(count):
            unit, at = _counted(config, at)
            units.append(unit)
    return units


def _hvcc_units(config: bytes) -> list[bytes]:
    units: list[bytes] = []
    at = 23
    for _ in range(_byte(config, 22)):
        count = _byte(config, at + 1) << 8 | _byte(config, at + 2)
        at += 3
        for _ in range(count):
            unit, at = _counted(config, at)
            units.append(unit)
    return units


def _byte(config: bytes, at: int) -> int:
    if at >= len(config):
        raise Damaged("the decoder configuration ends too early", cure=_CURE)
    return config[at]


def _counted(config: bytes, at: int) -> tuple[bytes, int]:
    """Return a unit behind its two-byte length, and where it ends."""
    end = at + 2 + (_byte(config, at) << 8 | _byte(config, at + 1))
    if end > len(config):
        raise Damaged("the decoder configuration ends too early", cure=_CURE)
    return config[at + 2 : end], end


def _with_length(unit: bytes) -> bytes:
    if len(unit) > 0xFFFF:
        raise Damaged("a parameter set is too long", cure=_CURE)
    return len(unit).to_bytes(2, "big") + unit


def _avcc(sets: ParameterSets) -> bytes:
    sps, pps = sets.sps[:31], sets.pps[:255]
    info = parse_sps(Codec.H264, sps[0])
    parts = [b"\x01", sps[0][1:4], b"\xff", bytes([0xE0 | len(sps)]), *map(_with_length, sps)]
    parts += [bytes([len(pps)]), *map(_with_length, pps)]
    if info.profile in _H264_WITH_FORMAT:
        parts.append(
            bytes(
                [0xFC | info.chroma_format & 3, 0xF8 | info.bit_depth_luma - 8 & 7, 0xF8 | info.bit_depth_chroma - 8 & 7, 0]
            )
        )
    return b"".join(parts)


def _hvcc(sets: ParameterSets) -> bytes:
    info = parse_sps(Codec.H265, sets.sps[0])
    head = struct.pack(
        ">B12sHBBBBHB",
        1,
        info.general,
        0xF000,  # min_spatial_segmentation_idc: unknown
        0xFC,  # parallelismType: unknown
        0xFC | info.chroma_format & 3,
        0xF8 | info.bit_depth_luma - 8 & 7,
        0xF8 | info.bit_depth_chroma - 8 & 7,
        0,  # avgFrameRate: unknown
        info.temporal_layers << 3 | int(info.temporal_id_nested) << 2 | 3,
    )
    parts = [head, b"\x03"]
    for kind, group in ((H265_VPS, sets.vps), (H265_SPS, sets.sps), (H265_PPS, sets.pps)):
        parts += [bytes([0x80 | kind]), len(group).to_bytes(2, "big"), *map(_with_length, group)]
    return b"".join(parts)
