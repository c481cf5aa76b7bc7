"""Sound as detectors want it: one channel, 16,000 samples a second, -1..1, in blocks of a tenth of a second with times."""

from __future__ import annotations

from typing import Any, cast

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from guardian.media.adts import without_adts
from guardian.model.media import Codec, TrackInfo
from guardian.model.time import SECOND_US

RATE = 16_000  # wide enough for a smoke alarm's 3.1 kHz with its first overtone
BLOCK = RATE // 10
GAP_US = 2 * SECOND_US  # sources give packets up to a second late to save work; more is a gap

Samples = NDArray[np.float32]
_NAMES = {Codec.AAC: "aac", Codec.OPUS: "opus", Codec.PCMU: "pcm_mulaw", Codec.PCMA: "pcm_alaw"}
_G711 = (Codec.PCMU, Codec.PCMA)


class SoundDecoder:
    """Decodes one track, on the caller's thread. What cannot be decoded counts in `faults` and is left out."""

    def __init__(self, track: TrackInfo) -> None:
        self._codec = track.codec
        self._context = cast("Any", av.CodecContext.create(_NAMES[track.codec], "r"))
        if track.codec in _G711:
            self._context.sample_rate = track.sample_rate or 8000  # RFC 3551: the rate of its static payload types
            self._context.layout = "mono" if track.channels < 2 else "stereo"
        elif track.config:
            self._context.extradata = track.config
        self._resampler: Any = av.AudioResampler(format="flt", layout="mono", rate=RATE)
        self.faults = 0

    def decode(self, data: bytes) -> Samples:
        """Return the samples that a packet completes; none of a damaged one."""
        parts: list[Samples] = []
        try:
            raw = without_adts(data) if self._codec is Codec.AAC and self._context.extradata else data
            for frame in self._context.decode(av.Packet(raw)):
                frame.pts = None
                parts += [piece.to_ndarray().reshape(-1) for piece in self._resampler.resample(frame)]
        except (av.error.FFmpegError, ValueError):
            self.faults += 1
        return np.concatenate(parts) if parts else np.empty(0, np.float32)


class Blocks:
    """Cuts samples into blocks whose times go on by the count of samples, and begin anew after a gap."""

    def __init__(self) -> None:
        self._held: Samples = np.empty(0, np.float32)
        self._start_us = 0
        self._next_us: int | None = None

    def push(self, samples: Samples, arrived_us: int) -> list[tuple[int, Samples]]:
        """Take samples whose last one was there at `arrived_us` (UTC); return full blocks with the times of their begin."""
        if not len(samples):
            return []
        lasts_us = len(samples) * SECOND_US // RATE
        if self._next_us is None or abs(arrived_us - lasts_us - self._next_us) > GAP_US:
            self._held, self._start_us = samples, arrived_us - lasts_us
            self._next_us = arrived_us
        else:
            self._held = np.concatenate((self._held, samples))
            self._next_us += lasts_us
        blocks = []
        while len(self._held) >= BLOCK:
            blocks.append((self._start_us, self._held[:BLOCK]))
            self._held = self._held[BLOCK:]
            self._start_us += BLOCK * SECOND_US // RATE
        return blocks
