"""Fragments of several runs on one clock that begins at 0, as one MP4 file needs them. Pure."""

from __future__ import annotations

import struct

from guardian.media.fmp4_read import boxes, find, fragment_info, shift_decode_times, timescales, zero_based
from guardian.media.fmp4_write import AUDIO_TRACK, VIDEO_TRACK
from guardian.media.timebase import rescale
from guardian.model.media import VIDEO_TIMESCALE


def _tracks(init: bytes) -> list[bytes]:
    moov = find(init, b"moov")
    if moov is None:
        return []
    return [init[box.start : box.end] for box in boxes(init, moov.body, moov.end) if box.kind == b"trak"]


class ClipClock:
    """Moves fragments to where they belong in a clip. Runs are joined without a gap, however long the camera was away."""

    def __init__(self, init: bytes) -> None:
        self.init = init
        self._tracks = _tracks(init)
        self._scales = timescales(init)
        self._end_90k = 0
        self._shift: dict[int, int] | None = None
        self._sequence = 0

    def goes_on_with(self, init: bytes) -> bool:
        """Say whether fragments of another init segment can follow: the same picture, and the same sound or none."""
        tracks = _tracks(init)
        return bool(tracks) and tracks == self._tracks[: len(tracks)]

    def break_run(self) -> None:
        """The next fragment is of another run, or there is a hole before it."""
        self._shift = None

    def place(self, fragment: bytes) -> bytes:
        """Return the next fragment, moved."""
        info = fragment_info(fragment)
        if self._shift is None:
            at_zero = zero_based(info, self._scales.get(AUDIO_TRACK, 0))
            self._shift = {
                track: delta + rescale(self._end_90k, VIDEO_TIMESCALE, self._scales.get(track, VIDEO_TIMESCALE))
                for track, delta in at_zero.items()
            }
        video = info.tracks.get(VIDEO_TRACK)
        if video is not None:
            self._end_90k = max(self._end_90k, video.first_dts + video.duration + self._shift[VIDEO_TRACK])
        self._sequence += 1
        return _numbered(shift_decode_times(fragment, self._shift), self._sequence)


def _numbered(fragment: bytes, sequence: int) -> bytes:
    """Return a fragment with its sequence number, which must rise within a file."""
    mfhd = find(fragment, b"moof", b"mfhd")
    assert mfhd is not None  # fragment_info has seen it
    out = bytearray(fragment)
    struct.pack_into(">I", out, mfhd.body + 4, sequence)
    return bytes(out)
