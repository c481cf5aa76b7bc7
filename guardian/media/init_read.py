"""What an MP4 init segment says of its picture: codec, decoder configuration, size (ISO/IEC 14496-12, 8.5.2). Pure."""

import struct

from guardian.media.fmp4_read import Box, boxes, find
from guardian.model.errors import Damaged
from guardian.model.media import VIDEO_TIMESCALE, Codec, TrackInfo

_ENTRIES = {b"avc1": Codec.H264, b"avc3": Codec.H264, b"hvc1": Codec.H265, b"hev1": Codec.H265}
_CONFIGS = (b"avcC", b"hvcC")
_STSD_ROWS = 8  # version, flags and the number of entries come before the first
_ENTRY_PARTS = 78  # fixed fields of a VisualSampleEntry, after which its boxes come; width and height stand at 24


def video_track(init: bytes) -> TrackInfo:
    """Return the video track of an init segment. Damaged where it has none that we record."""
    moov = find(init, b"moov")
    for trak in boxes(init, moov.body, moov.end) if moov is not None else ():
        stsd = find(init, b"mdia", b"minf", b"stbl", b"stsd", within=trak) if trak.kind == b"trak" else None
        entry = next(boxes(init, stsd.body + _STSD_ROWS, stsd.end), None) if stsd is not None else None
        if entry is not None and entry.kind in _ENTRIES:
            return _track(init, entry)
    raise Damaged("this footage has no picture in H.264 or H.265", cure="Choose another moment.")


def _track(init: bytes, entry: Box) -> TrackInfo:
    if entry.end - entry.body < _ENTRY_PARTS:
        raise Damaged("this MP4 does not read: its picture's description is cut off", cure="Choose another moment.")
    width, height = struct.unpack_from(">HH", init, entry.body + 24)
    parts = boxes(init, entry.body + _ENTRY_PARTS, entry.end)
    config = next((init[box.body : box.end] for box in parts if box.kind in _CONFIGS), b"")
    return TrackInfo("video", _ENTRIES[entry.kind], VIDEO_TIMESCALE, bytes(config), width, height)
