"""Compressed media on its way from a camera to a file: codec, track, packet, GOP's parts, fragment."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

VIDEO_TIMESCALE = 90_000  # RFC 3551: the RTP clock of every video payload; fine enough for any camera
MAX_FRAGMENT_US = 2_000_000
MAX_FRAGMENT_BYTES = 4 * 1024 * 1024

TrackKind = Literal["video", "audio"]


class Codec(StrEnum):
    """A compression a camera may send."""

    H264 = "h264"
    H265 = "h265"
    AAC = "aac"
    OPUS = "opus"
    PCMU = "pcmu"
    PCMA = "pcma"

    @property
    def fits_mp4(self) -> bool:
        """Say whether MP4 as browsers play it can carry this codec (G.711 it cannot)."""
        return self not in (Codec.PCMU, Codec.PCMA)


@dataclass(frozen=True, slots=True)
class TrackInfo:
    """One elementary stream as a source announces it.

    `config` holds the decoder configuration: for H.264 and H.265 either the avcC/hvcC record or Annex B parameter
    sets (may be empty: they then come in band), for AAC the AudioSpecificConfig, for Opus the OpusHead packet.
    `timescale` is ticks a second of `pts` and `dts` in packets of this track. Sizes in pixels, rates in Hz, 0 when unknown.
    """

    kind: TrackKind
    codec: Codec
    timescale: int
    config: bytes = b""
    width: int = 0
    height: int = 0
    sample_rate: int = 0
    channels: int = 0


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What a source delivers once it is open: exactly one video track and at most one of audio."""

    video: TrackInfo
    audio: TrackInfo | None = None


@dataclass(frozen=True, slots=True)
class Packet:
    """One access unit, as a camera source hands it over.

    `data`: for video Annex B (start codes) or length-prefixed NAL units of four bytes, whichever `TrackInfo.config` is
    of; for AAC raw (no ADTS header). `pts`, `dts`, `duration` in the track's timescale; None where the camera gave none,
    duration 0 when unknown. `arrived_us`: monotonic microseconds when the last byte came.
    """

    kind: TrackKind
    data: bytes
    pts: int | None
    dts: int | None
    duration: int
    is_key: bool
    arrived_us: int
    info: StreamInfo | None = None  # set on the first packet after the stream's parameters changed


@dataclass(frozen=True, slots=True)
class Sample:
    """One normalised access unit, ready for MP4: length-prefixed NAL units or raw audio, times monotonic and from 0.

    `dts` counts ticks of the track's timescale since the run began; `cts_offset` = pts - dts (may be negative).
    """

    kind: TrackKind
    data: bytes
    dts: int
    cts_offset: int
    duration: int
    is_key: bool
    arrived_us: int


@dataclass(frozen=True, slots=True)
class Fragment:
    """One moof + mdat. `start_90k` and `duration_90k` speak of its video, in 1/90000 s since the run began."""

    data: bytes
    start_90k: int
    duration_90k: int
    start_utc_us: int
    is_key: bool
    video_frames: int
