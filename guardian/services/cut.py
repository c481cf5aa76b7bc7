"""Fragments cut to the frame, as plain MP4, without re-encoding. Pure."""

from __future__ import annotations

from dataclasses import replace

from guardian.media.fmp4_read import samples, timescales
from guardian.media.fmp4_write import AUDIO_TRACK
from guardian.media.mp4_tables import Mp4Tables
from guardian.media.timebase import rescale
from guardian.model.media import VIDEO_TIMESCALE, Sample
from guardian.model.views import PlaylistEntry
from guardian.services.clip import ClipClock


class Cutter:
    """Takes a span's fragments and returns the samples' bytes; `tables` then has the boxes around them.

    `exact`: the file begins at the keyframe before the span, but players show it from the picture that was seen at its
    start to the last one before its end. Otherwise whole GOPs are shown. `speedup`: keyframes only, that many times as
    fast, without sound. Runs are joined without a gap, as in clips.
    """

    def __init__(self, init: bytes, start_us: int, end_us: int, *, exact: bool = True, speedup: int = 1) -> None:
        self.clock = ClipClock(init)
        self.tables = Mp4Tables(init)
        self._start_us, self._end_us = start_us, end_us
        self._exact, self._speedup = exact and speedup == 1, speedup
        self._audio_scale = timescales(init).get(AUDIO_TRACK, VIDEO_TIMESCALE)
        self._lead: int | None = None
        self._begin: int | None = None
        self._end = 0

    def place(self, entry: PlaylistEntry, fragment: bytes) -> bytes:
        """Return the bytes of the next fragment's samples."""
        if entry.discontinuity:
            self.clock.break_run()
            self._lead = None
        found = samples(self.clock.place(fragment))
        if self._speedup > 1:
            return self._add([_faster(one, self._speedup) for one in found if one.kind == "video" and one.is_key])
        return self._add(self._inside(entry, found) if self._exact else found)

    def _add(self, found: list[Sample]) -> bytes:
        for one in found if not self._exact else ():
            if one.kind == "video":
                self._begin = one.dts + one.cts_offset if self._begin is None else self._begin
                self._end = max(self._end, one.dts + one.cts_offset + one.duration)
        taken = self.tables.add(found)
        self.tables.show(self._begin or 0, self._end)
        return taken

    def _inside(self, entry: PlaylistEntry, found: list[Sample]) -> list[Sample]:
        """Return a fragment's samples up to the last one that is shown; take note of the first and the last."""
        video = [one for one in found if one.kind == "video"]
        if not video:
            return found
        if self._lead is None:
            self._lead = video[0].cts_offset  # how much later than decoded pictures are shown: of a keyframe, the least
        origin = video[0].dts + self._lead
        kept = 0
        for number, one in enumerate(video, start=1):
            shown = one.dts + one.cts_offset
            at_us = entry.start_utc_us + (shown - origin) * 100 // 9
            if at_us < self._end_us:
                kept = number
                self._end = max(self._end, shown + one.duration)
            if self._begin is None or (at_us <= self._start_us and shown > self._begin):
                self._begin = shown
        if kept == len(video):
            return found
        sound = [one for one in found if one.kind == "audio" and self._in_video_time(one) < self._end]
        return video[:kept] + sound

    def _in_video_time(self, one: Sample) -> int:
        return rescale(one.dts, self._audio_scale, VIDEO_TIMESCALE)


def _faster(one: Sample, speedup: int) -> Sample:
    """A keyframe on a clock that runs faster. It is shown when it is decoded: nothing is left to put in order."""
    return replace(one, dts=one.dts // speedup, cts_offset=0, duration=max(1, one.duration // speedup))
