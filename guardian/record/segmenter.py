"""Where a recording is cut: samples of one run into fragments, and fragments into segments. Pure.

A fragment is one GOP; a GOP longer than two seconds or four megabytes is split, and what follows the split does not
begin with a keyframe. A segment ends at the first keyframe at or after its length. Sound goes into the fragment that
covers its time; sound that comes late goes into the next one, where its own decode time still says when it belongs.
"""

from bisect import bisect_left
from dataclasses import dataclass, replace

from guardian.media.fmp4_write import audio_timescale, media_fragment
from guardian.model.media import MAX_FRAGMENT_BYTES, MAX_FRAGMENT_US, VIDEO_TIMESCALE, Fragment, Sample, StreamInfo

MAX_WAITING_AUDIO_BYTES = 1024 * 1024  # a minute of Opus: sound that runs ahead of its picture for longer is given up
_PER_SAMPLE, _PER_FRAGMENT = 16, 160  # bytes of MP4 tables
_FIELD = (1 << 31) - 1  # what a duration or a composition offset may be in MP4; beyond it a camera's clock is broken


@dataclass(frozen=True, slots=True)
class Cut:
    """The next fragment begins a new segment, here on the run's clock and by both clocks of the machine."""

    start_90k: int
    start_utc_us: int
    start_mono_us: int


class Segmenter:
    """Takes the samples of one run in the order they came. The first thing it gives is a `Cut`."""

    def __init__(
        self,
        info: StreamInfo,
        segment_s: float = 60.0,
        *,
        max_fragment_us: int = MAX_FRAGMENT_US,
        max_fragment_bytes: int = MAX_FRAGMENT_BYTES,
    ) -> None:
        keeps_audio = info.audio is not None and info.audio.codec.fits_mp4
        self._audio_timescale = audio_timescale(info.audio) if info.audio is not None and keeps_audio else 0
        self._segment_ticks = int(segment_s * VIDEO_TIMESCALE)
        self._max_ticks = max_fragment_us * 9 // 100
        self._max_bytes = max_fragment_bytes
        self._sequence = 0
        self._last_audio_dts = -1
        self._audio: list[Sample] = []
        self._audio_bytes = 0
        self._reset()

    def _reset(self) -> None:
        self._video: list[Sample] = []
        self._bytes = 0
        self._start_utc_us = 0
        self._segment_start: int | None = None  # None: the next keyframe begins a segment, and nothing else does

    def push(self, sample: Sample, utc_us: int) -> tuple[Fragment | Cut, ...]:
        """Take a sample that was seen at `utc_us`; return what is finished by its coming."""
        if sample.kind == "audio":
            self._keep_audio(sample)
            return ()
        if not -_FIELD <= sample.cts_offset <= _FIELD:
            sample = replace(sample, cts_offset=0)
        video = self._video
        if video and not sample.is_key and not self._is_full(sample):
            if sample.dts > video[-1].dts:
                video.append(sample)
                self._bytes += len(sample.data) + _PER_SAMPLE
            return ()
        return self._begin_fragment(sample, utc_us)

    def cut_at_next_keyframe(self) -> None:
        """Begin a new segment at the next keyframe, however short the present one is (after a file was lost, say)."""
        self._segment_start = None if self._segment_start is None else self._segment_start - self._segment_ticks

    def flush(self) -> tuple[Fragment, ...]:
        """The run ends: return what is left. What comes after begins with a keyframe and a `Cut`."""
        left: tuple[Fragment, ...] = ()
        if self._video:
            last = self._video[-1]
            before = last.dts - self._video[-2].dts if len(self._video) > 1 else 0
            end = last.dts + (before or last.duration or VIDEO_TIMESCALE // 25)
            left = (self._fragment(end, len(self._audio)),)
        self._audio, self._audio_bytes = [], 0
        self._reset()
        return left

    def _is_full(self, sample: Sample) -> bool:
        if sample.dts - self._video[0].dts >= self._max_ticks:
            return True
        return self._bytes + self._audio_bytes + len(sample.data) + _PER_SAMPLE > self._max_bytes

    def _begin_fragment(self, sample: Sample, utc_us: int) -> tuple[Fragment | Cut, ...]:
        if sample.dts < 0 or (self._video and sample.dts <= self._video[-1].dts):
            return ()  # time stood still or ran back: there is no place for it
        done: list[Fragment | Cut] = []
        if self._video:
            done.append(self._fragment(sample.dts, self._audio_before(sample.dts)))
        if sample.is_key and (self._segment_start is None or sample.dts - self._segment_start >= self._segment_ticks):
            done.append(Cut(sample.dts, utc_us, sample.arrived_us))
            self._segment_start = sample.dts
        if self._segment_start is not None:
            self._video = [sample]
            self._bytes = len(sample.data) + _PER_SAMPLE + _PER_FRAGMENT
            self._start_utc_us = utc_us
        return tuple(done)

    def _fragment(self, end: int, audio_count: int) -> Fragment:
        video, audio = self._video, self._audio[:audio_count]
        del self._audio[:audio_count]
        self._audio_bytes -= sum(len(sample.data) + _PER_SAMPLE for sample in audio)
        first, last = video[0], video[-1]
        video[-1] = replace(last, duration=min(_FIELD, end - last.dts))
        self._sequence += 1
        return Fragment(
            media_fragment([*video, *audio], self._sequence, self._audio_timescale),
            first.dts,
            end - first.dts,
            self._start_utc_us,
            first.is_key,
            len(video),
        )

    def _audio_before(self, end: int) -> int:
        """Return how many of the waiting audio samples begin before a video time."""
        limit = -(-end * self._audio_timescale // VIDEO_TIMESCALE)
        return bisect_left(self._audio, limit, key=_dts)

    def _keep_audio(self, sample: Sample) -> None:
        if not self._audio_timescale or self._segment_start is None:
            return
        if not self._last_audio_dts < sample.dts <= self._last_audio_dts + _FIELD:
            return
        self._last_audio_dts = sample.dts
        self._audio.append(sample)
        self._audio_bytes += len(sample.data) + _PER_SAMPLE
        while self._audio_bytes > MAX_WAITING_AUDIO_BYTES:
            self._audio_bytes -= len(self._audio.pop(0).data) + _PER_SAMPLE


def _dts(sample: Sample) -> int:
    return sample.dts
