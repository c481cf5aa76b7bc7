"""What a frame of sound is like: level, strongest tone, where its energy lies. 25 ms a frame, one after the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
FRAME = 400
FRAME_S = FRAME / RATE
_FFT = 512
_WINDOW = np.hanning(FRAME).astype(np.float32)
_HZ = np.fft.rfftfreq(_FFT, 1 / RATE)
_HEARD = (_HZ >= 100) & (_HZ <= 7000)  # below: wind, hum and the camera's own fan
_LOW, _BARK = (_HZ >= 100) & (_HZ < 300), (_HZ >= 400) & (_HZ <= 3000)
_SCALE = 1 / (float(np.sum(_WINDOW**2)) * _FFT / 2)
_PEAK = 3  # bins beside the strongest that a Hann window of this length spreads a tone over
FLOOR_DB = -80.0  # quieter than this is a muted microphone


@dataclass(frozen=True, slots=True)
class Frame:
    """`db`: level in dB of full scale. `tone_hz`: the strongest frequency, with `purity`, its share of all energy heard.
    `low` and `bark`: shares of 100 to 300 Hz and 400 to 3000 Hz."""

    db: float
    tone_hz: float
    purity: float
    low: float
    bark: float


def analyse(samples: NDArray[np.float32]) -> list[Frame]:
    """Return the frames of samples whose count is a multiple of `FRAME`."""
    power = np.abs(np.fft.rfft(samples.reshape(-1, FRAME) * _WINDOW, _FFT)) ** 2 * _SCALE
    power[:, ~_HEARD] = 0
    total = power.sum(axis=1) + 1e-12
    peaks = power.argmax(axis=1)
    levels = np.maximum(FLOOR_DB, 10 * np.log10(total))
    low, bark = power[:, _LOW].sum(axis=1) / total, power[:, _BARK].sum(axis=1) / total
    return [
        Frame(
            float(levels[i]),
            _tone(power[i], int(p)),
            _share(power[i], int(p), float(total[i])),
            float(low[i]),
            float(bark[i]),
        )
        for i, p in enumerate(peaks)
    ]


def _share(power: NDArray[np.float32], peak: int, total: float) -> float:
    return float(power[max(0, peak - _PEAK) : peak + _PEAK + 1].sum()) / total


def _tone(power: NDArray[np.float32], peak: int) -> float:
    """The peak's frequency, between bins by its neighbours' weight."""
    part = slice(max(0, peak - 1), peak + 2)
    weight = power[part].sum()
    return float((power[part] * _HZ[part]).sum() / weight) if weight > 0 else 0.0
