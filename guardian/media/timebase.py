"""Ticks: from one timescale to another, and counters that wrap."""

VIDEO_TO_US = (100, 9)  # 1/90000 s is 100/9 microseconds


def rescale(ticks: int, from_scale: int, to_scale: int) -> int:
    """Return ticks of one timescale in another, rounded to the nearest (halves up). Exact integers throughout."""
    if from_scale == to_scale:
        return ticks
    return (2 * ticks * to_scale + from_scale) // (2 * from_scale)


def to_us(ticks: int, timescale: int) -> int:
    """Return ticks as microseconds."""
    return rescale(ticks, timescale, 1_000_000)


def from_us(microseconds: int, timescale: int) -> int:
    """Return microseconds as ticks."""
    return rescale(microseconds, 1_000_000, timescale)


class Unwrap:
    """Makes a counter of `bits` bits (MPEG-TS 33, RTP 32) count on where it wraps.

    Each value is taken to be the nearest to the one before, so small steps back (B-frames) do not count as a wrap.
    """

    def __init__(self, bits: int = 33) -> None:
        self._modulus = 1 << bits
        self._last: int | None = None

    def __call__(self, value: int) -> int:
        """Return the next value, unwrapped."""
        if self._last is None:
            self._last = value
            return value
        half = self._modulus // 2
        step = (value - self._last + half) % self._modulus - half
        self._last += step
        return self._last
