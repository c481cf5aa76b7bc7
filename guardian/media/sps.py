"""Sequence parameter sets: picture size, profile and sample format (H.264 7.3.2.1.1, H.265 7.3.2.2)."""

from collections.abc import Callable
from dataclasses import dataclass

from guardian.model.errors import Damaged
from guardian.model.media import Codec

_H264_HIGH = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_BASELINE = 66
_MAX_SIDE = 32_768
_MAX_REORDER = 16


@dataclass(frozen=True, slots=True)
class SpsInfo:
    """What an SPS says. Sizes in pixels after cropping; `profile` is general_profile_idc or profile_idc.

    `reorder`: how many pictures may come before one that is shown earlier (0: no B-frames); None where it is not said.
    For H.265 only: `general` holds the 12 bytes from general_profile_space to general_level_idc, as hvcC wants them.
    """

    width: int
    height: int
    profile: int
    level: int
    chroma_format: int
    bit_depth_luma: int
    bit_depth_chroma: int
    general: bytes = b""
    temporal_layers: int = 1
    temporal_id_nested: bool = True
    reorder: int | None = None


class _Bits:
    """Reads a payload bit by bit; Damaged past its end."""

    def __init__(self, payload: bytes) -> None:
        self._value = int.from_bytes(payload, "big")
        self._left = len(payload) * 8

    def u(self, count: int) -> int:
        """u(n): `count` bits as an unsigned number."""
        if count > self._left:
            raise Damaged("a sequence parameter set ends too early", cure="The stream's header is broken; reconnect.")
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)

    def ue(self) -> int:
        """ue(v): Exp-Golomb, at most 32 bits."""
        zeros = 0
        while not self.u(1):
            zeros += 1
            if zeros > 31:
                raise Damaged("a sequence parameter set holds an impossible number")
        return (1 << zeros) - 1 + self.u(zeros)

    def se(self) -> int:
        """se(v): signed Exp-Golomb."""
        k = self.ue()
        return (k + 1) // 2 if k & 1 else -(k // 2)


def _payload(unit: bytes, header: int) -> bytes:
    """Return a unit without its header and its emulation prevention bytes."""
    return unit[header:].replace(b"\x00\x00\x03", b"\x00\x00")


def parse_sps(codec: Codec, unit: bytes) -> SpsInfo:
    """Read an SPS unit. Damaged where it is none."""
    return _parse_h265(unit) if codec is Codec.H265 else _parse_h264(unit)


def _parse_h264(unit: bytes) -> SpsInfo:
    bits = _Bits(_payload(unit, 1))
    profile = bits.u(8)
    bits.u(8)  # constraint flags
    level = bits.u(8)
    bits.ue()  # seq_parameter_set_id
    chroma, luma_depth, chroma_depth, separate = 1, 8, 8, 0
    if profile in _H264_HIGH:
        chroma = bits.ue()
        separate = bits.u(1) if chroma == 3 else 0
        luma_depth, chroma_depth = 8 + bits.ue(), 8 + bits.ue()
        bits.u(1)  # qpprime_y_zero_transform_bypass_flag
        if bits.u(1):
            _skip_scaling_lists(bits, 12 if chroma == 3 else 8)
    bits.ue()  # log2_max_frame_num_minus4
    _skip_picture_order(bits)
    bits.ue()  # max_num_ref_frames
    bits.u(1)  # gaps_in_frame_num_value_allowed_flag
    width = (bits.ue() + 1) * 16
    map_units = bits.ue() + 1
    frames_only = bits.u(1)
    height = map_units * 16 * (2 - frames_only)
    if not frames_only:
        bits.u(1)  # mb_adaptive_frame_field_flag
    bits.u(1)  # direct_8x8_inference_flag
    array_type = 0 if separate else chroma
    unit_x = 2 if array_type in (1, 2) else 1
    unit_y = (2 if array_type == 1 else 1) * (2 - frames_only)
    width, height = _cropped(bits, width, height, unit_x, unit_y)
    reorder = 0 if profile == _BASELINE else _said(_h264_reorder, bits)
    return SpsInfo(width, height, profile, level, chroma, luma_depth, chroma_depth, reorder=reorder)


def _said(read: Callable[[_Bits], int | None], bits: _Bits) -> int | None:
    """Return what stands behind all that must be there; None where it is broken: one can do without."""
    try:
        count = read(bits)
    except Damaged:
        return None
    return count if count is not None and count <= _MAX_REORDER else None


def _h264_reorder(bits: _Bits) -> int | None:
    """Read over the usability information (E.1.1) up to max_num_reorder_frames."""
    if not bits.u(1):
        return None
    if bits.u(1) and bits.u(8) == 255:  # aspect ratio
        bits.u(32)
    if bits.u(1):  # overscan
        bits.u(1)
    if bits.u(1):  # video signal
        bits.u(4)
        bits.u(24 * bits.u(1))
    if bits.u(1):  # chroma location
        bits.ue()
        bits.ue()
    bits.u(65 * bits.u(1))  # timing
    if sum(_skip_buffering(bits) for _ in range(2)):
        bits.u(1)  # low_delay_hrd_flag
    bits.u(1)  # pic_struct_present_flag
    if not bits.u(1):
        return None
    bits.u(1)
    for _ in range(4):
        bits.ue()
    return bits.ue()


def _skip_buffering(bits: _Bits) -> bool:
    """Read over hrd_parameters (E.1.2), where they are there."""
    if not bits.u(1):
        return False
    count = bits.ue() + 1
    bits.u(8)
    for _ in range(min(count, 32)):
        bits.ue()
        bits.ue()
        bits.u(1)
    bits.u(20)
    return True


def _skip_scaling_lists(bits: _Bits, count: int) -> None:
    for index in range(count):
        if not bits.u(1):
            continue
        last = following = 8
        for _ in range(16 if index < 6 else 64):
            if following:
                following = (last + bits.se()) % 256
            last = following or last


def _skip_picture_order(bits: _Bits) -> None:
    kind = bits.ue()
    if kind == 0:
        bits.ue()
    elif kind == 1:
        bits.u(1)
        bits.se()
        bits.se()
        count = bits.ue()
        if count > 255:
            raise Damaged("a sequence parameter set holds an impossible number")
        for _ in range(count):
            bits.se()


def _cropped(bits: _Bits, width: int, height: int, unit_x: int, unit_y: int) -> tuple[int, int]:
    """Read the cropping rectangle (H.265: conformance window) and return what is left of the size."""
    if bits.u(1):
        left, right, top, bottom = bits.ue(), bits.ue(), bits.ue(), bits.ue()
        width -= (left + right) * unit_x
        height -= (top + bottom) * unit_y
    if not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE):
        raise Damaged("a sequence parameter set gives an impossible picture size")
    return width, height


def _parse_h265(unit: bytes) -> SpsInfo:
    payload = _payload(unit, 2)
    bits = _Bits(payload)
    bits.u(4)  # sps_video_parameter_set_id
    layers_minus1 = bits.u(3)
    nested = bits.u(1)
    general = payload[1:13]  # the profile_tier_level begins on a byte
    bits.u(96)
    if len(general) < 12:
        raise Damaged("a sequence parameter set ends too early")
    _skip_sub_layers(bits, layers_minus1)
    bits.ue()  # sps_seq_parameter_set_id
    chroma = bits.ue()
    separate = bits.u(1) if chroma == 3 else 0
    width, height = bits.ue(), bits.ue()
    array_type = 0 if separate else chroma
    width, height = _cropped(bits, width, height, 2 if array_type in (1, 2) else 1, 2 if array_type == 1 else 1)
    luma_depth, chroma_depth = 8 + bits.ue(), 8 + bits.ue()
    reorder = _said(lambda rest: _h265_reorder(rest, layers_minus1), bits)
    return SpsInfo(
        width,
        height,
        general[0] & 0x1F,
        general[11],
        chroma,
        luma_depth,
        chroma_depth,
        general,
        layers_minus1 + 1,
        bool(nested),
        reorder,
    )


def _h265_reorder(bits: _Bits, layers_minus1: int) -> int | None:
    """Read sps_max_num_reorder_pics of the highest sub-layer (7.3.2.2.1)."""
    bits.ue()  # log2_max_pic_order_cnt_lsb_minus4
    count = None
    for _ in range(layers_minus1 + 1 if bits.u(1) else 1):
        bits.ue()  # sps_max_dec_pic_buffering_minus1
        count = bits.ue()
        bits.ue()  # sps_max_latency_increase_plus1
    return count


def _skip_sub_layers(bits: _Bits, layers_minus1: int) -> None:
    """Read over the sub-layers' part of profile_tier_level (7.3.3)."""
    present = [(bits.u(1), bits.u(1)) for _ in range(layers_minus1)]
    if layers_minus1:
        bits.u(2 * (8 - layers_minus1))
    for profile_present, level_present in present:
        bits.u(88 * profile_present + 8 * level_present)
