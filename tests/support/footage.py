"""Small real streams, encoded with PyAV, as a camera would send them: access units in Annex B, sound in raw frames."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import av
import numpy as np

from guardian.media.nal import to_sample_data
from guardian.model.media import Codec, Sample, StreamInfo, TrackInfo

ENCODERS = {Codec.H264: "libx264", Codec.H265: "libx265", Codec.AAC: "aac", Codec.OPUS: "libopus"}


@dataclass(frozen=True)
class Unit:
    """One access unit as encoded; times on the video's 90 kHz clock."""

    data: bytes
    dts: int
    pts: int
    is_key: bool


@dataclass(frozen=True)
class Video:
    """An encoded video. `config` holds the parameter sets behind start codes."""

    codec: Codec
    config: bytes
    units: tuple[Unit, ...]
    width: int
    height: int


@cache
def video(
    codec: Codec = Codec.H264,
    frames: int = 60,
    fps: int = 15,
    gop: int = 15,
    bframes: int = 0,
    width: int = 162,
    height: int = 98,
) -> Video:
    """Encode a moving pattern. Parameter sets stand out of band only."""
    context = av.CodecContext.create(ENCODERS[codec], "w")
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base, context.framerate = Fraction(1, 90_000), Fraction(fps)
    keys = f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes={bframes}:annexb=1:repeat-headers=0"
    params = f"{keys}:open-gop=0:log-level=error:info=0" if codec is Codec.H265 else keys
    context.options = {"preset": "ultrafast", f"{'x265' if codec is Codec.H265 else 'x264'}-params": params}
    context.flags |= 0x400000  # AV_CODEC_FLAG_GLOBAL_HEADER
    context.thread_count = 1
    context.open()
    packets = []
    for index in range(frames):
        picture = np.zeros((height * 3 // 2, width), np.uint8) + (index * 3) % 200
        picture[: height // 2, (index * 5) % (width - 20) :][:, :20] = 235
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts, frame.time_base = index * 90_000 // fps, Fraction(1, 90_000)
        packets += context.encode(frame)
    packets += context.encode(None)
    first = packets[0].dts or 0
    units = tuple(Unit(bytes(p), (p.dts or 0) - first, (p.pts or 0) - first, p.is_keyframe) for p in packets)
    return Video(codec, bytes(context.extradata or b""), units, width, height)


@cache
def sound(codec: Codec, seconds: float = 4.0, rate: int = 48_000) -> tuple[TrackInfo, tuple[tuple[bytes, int, int], ...]]:
    """Encode a tone; return its track and (data, dts, duration) in ticks of its rate, from 0."""
    context = av.CodecContext.create(ENCODERS[codec], "w")
    context.sample_rate, context.layout = rate, "mono"
    context.format = "fltp" if codec is Codec.AAC else "s16"
    context.time_base = Fraction(1, rate)
    context.flags |= 0x400000
    context.open()
    tone = np.sin(np.arange(int(seconds * rate)) * 440 * 2 * np.pi / rate) / 4
    size = context.frame_size or 960
    packets = []
    for at in range(0, len(tone) - size, size):
        chunk = tone[at : at + size]
        array = chunk.astype(np.float32) if codec is Codec.AAC else (chunk * 32_767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(array.reshape(1, -1), format=context.format.name, layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
        packets += context.encode(frame)
    packets += context.encode(None)
    first = packets[0].pts or 0
    config = bytes(context.extradata or b"")
    track = TrackInfo("audio", codec, rate, config, sample_rate=rate, channels=1)
    return track, tuple((bytes(p), (p.pts or 0) - first, size) for p in packets)


def stream(picture: Video, audio: Codec | None = None, rate: int = 48_000) -> tuple[StreamInfo, list[Sample]]:
    """Return a normalised stream: video and sound as samples in the order of their decode times."""
    track = TrackInfo("video", picture.codec, 90_000, picture.config, picture.width, picture.height)
    samples = [
        Sample("video", to_sample_data(unit.data, picture.codec), unit.dts, unit.pts - unit.dts, 0, unit.is_key, unit.dts)
        for unit in picture.units
    ]
    if audio is None:
        return StreamInfo(track), samples
    sound_track, frames = sound(audio, rate=rate)
    samples += [Sample("audio", data, dts, 0, size, True, dts) for data, dts, size in frames]
    samples.sort(key=lambda s: s.dts / (90_000 if s.kind == "video" else rate))
    return StreamInfo(track, sound_track), samples
