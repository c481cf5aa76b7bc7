"""H.265 to H.264 for a viewer whose browser cannot play it; runs in the camera's process while somebody looks."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av

from guardian.media.nal import annexb_to_length_prefixed
from guardian.model.errors import ServiceUnavailable
from guardian.model.media import VIDEO_TIMESCALE, Codec, Sample, StreamInfo, TrackInfo

MAX_HEIGHT = 720  # what a phone shows; keeps a small box able to do it


class LiveTranscoder:
    """Decodes and encodes with no B-frames and no look-ahead: a frame in, a frame out."""

    def __init__(self, info: StreamInfo) -> None:
        if "libx264" not in av.codecs_available:
            raise ServiceUnavailable("this machine has no H.264 encoder", cure="Reinstall the package `av`.")
        self._decoder: Any = av.CodecContext.create("hevc" if info.video.codec is Codec.H265 else "h264", "r")
        self._decoder.extradata = info.video.config
        self._decoder.thread_count = 1
        scale = min(1.0, MAX_HEIGHT / max(1, info.video.height))
        self._width, self._height = (max(2, int(side * scale) // 2 * 2) for side in (info.video.width, info.video.height))
        self._encoder: Any = av.CodecContext.create("libx264", "w")
        self._encoder.width, self._encoder.height = self._width, self._height
        self._encoder.pix_fmt = "yuv420p"
        self._encoder.time_base = Fraction(1, VIDEO_TIMESCALE)
        self._encoder.framerate = Fraction(30)
        self._encoder.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "crf": "23",
            "x264-params": "keyint=60:repeat-headers=0:annexb=1",
        }
        self._encoder.flags |= 0x400000  # AV_CODEC_FLAG_GLOBAL_HEADER: parameter sets into extradata
        self._encoder.open()
        self._sources: deque[Sample] = deque(maxlen=64)
        config = bytes(self._encoder.extradata or b"")
        self.info = StreamInfo(TrackInfo("video", Codec.H264, VIDEO_TIMESCALE, config, self._width, self._height))

    def push(self, sample: Sample) -> Sequence[Sample]:
        """Return the H.264 samples that this one gives; a sample that does not decode gives none."""
        packet = av.Packet(sample.data)
        packet.pts, packet.dts = sample.dts + sample.cts_offset, sample.dts
        packet.time_base = Fraction(1, VIDEO_TIMESCALE)
        out: list[Sample] = []
        try:
            for frame in self._decoder.decode(packet):
                if (frame.width, frame.height) != (self._width, self._height) or frame.format.name != "yuv420p":
                    pts = frame.pts
                    frame = frame.reformat(self._width, self._height, "yuv420p")
                    frame.pts = pts
                frame.time_base = Fraction(1, VIDEO_TIMESCALE)
                frame.pict_type = 0
                out += [self._sample(encoded, sample) for encoded in self._encoder.encode(frame)]
        except av.FFmpegError:
            return out
        return out

    def _sample(self, encoded: Any, source: Sample) -> Sample:
        return Sample(
            "video",
            annexb_to_length_prefixed(bytes(encoded)),
            int(encoded.pts if encoded.pts is not None else source.dts),
            0,
            source.duration,
            bool(encoded.is_keyframe),
            source.arrived_us,
        )

    def close(self) -> None:
        """Let go of the codecs."""
        self._decoder = self._encoder = None
