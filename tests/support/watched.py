"""Footage through the whole of watching, faster than real time and always with the same outcome."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

import av
import numpy as np
from guardian_bytetrack.tracker import ByteTracker

from guardian.detect.client import LocalInference
from guardian.events.lifecycle import EventLifecycle
from guardian.media.nal import to_sample_data
from guardian.model.event import Event
from guardian.model.ids import uuid7
from guardian.model.media import Codec, Sample, StreamInfo, TrackInfo
from guardian.model.messages import EventReport, InferReply
from guardian.model.picture import PictureWish
from guardian.model.time import SECOND_US
from guardian.processes.watching import rules_of, watch_rules_of
from guardian.settings.schema import DetectSettings
from guardian.watch.decode import Decoder, Picture
from guardian.watch.pipeline import Counters, WatchPipeline
from guardian.watch.stream_watch import FramePace, StreamCounters, StreamWatch
from tests.support.detectors import shared

T0 = 1_795_392_000 * SECOND_US  # 2026-11-23T00:00:00Z
ARRIVED_US = 77 * SECOND_US  # on the monotonic clock, of a file's first packet
CODECS = {"h264": Codec.H264, "hevc": Codec.H265}


def samples_of(path: Path) -> tuple[StreamInfo, Iterator[Sample]]:
    """Return a file's video as normalised samples."""
    container = av.open(str(path))
    stream = container.streams.video[0]
    codec = CODECS[stream.codec_context.name]
    config = bytes(stream.codec_context.extradata or b"")
    info = StreamInfo(TrackInfo("video", codec, 90_000, config, stream.width, stream.height))

    def read() -> Iterator[Sample]:
        first = None
        with container:
            for packet in container.demux(stream):
                if packet.dts is None:
                    continue
                dts, pts = (round(t * packet.time_base * 90_000) for t in (packet.dts, packet.pts))
                first = dts if first is None else first
                data = to_sample_data(bytes(packet), codec)
                arrived_us = ARRIVED_US + (dts - first) * SECOND_US // 90_000
                yield Sample("video", data, dts - first, pts - dts, 0, packet.is_keyframe, arrived_us)

    return info, read()


class LateInference:
    """Answers so many microseconds of footage after it was asked, one request after the other, as a slow process would."""

    def __init__(self, inner: LocalInference, late_us: int) -> None:
        self._inner, self._late_us = inner, late_us
        self._answers: deque[tuple[int, Callable[[InferReply], None], InferReply]] = deque()
        self.now_us = self._free_us = 0

    @property
    def model(self):
        return self._inner.model

    def submit(self, pictures, on_done):
        got: list[InferReply] = []
        self._inner.submit(pictures, got.append)
        self._free_us = max(self._free_us, self.now_us) + self._late_us
        self._answers.append((self._free_us, on_done, got[0]))
        return True

    def pass_time(self, now_us: int) -> None:
        self.now_us = now_us
        while self._answers and self._answers[0][0] <= now_us:
            _, on_done, reply = self._answers.popleft()
            on_done(reply)


@dataclass
class Watched:
    """What came out. `pictures`: (event, seconds since the footage's begin, width, height)."""

    reports: list[tuple[float, EventReport]] = field(default_factory=list)
    pictures: list[tuple[str, float, PictureWish]] = field(default_factory=list)
    counters: Counters = field(default_factory=Counters)
    cpu_s: float = 0.0
    footage_s: float = 0.0

    @property
    def events(self) -> list[Event]:
        """Each event as it was last told, in the order of their starts."""
        last = {report.event.id: report.event for _, report in self.reports}
        return sorted(last.values(), key=lambda event: event.start_us)

    @property
    def visits(self) -> list[tuple[str, float, float]]:
        """Label, start and end in seconds since the footage's begin."""
        return [(e.label, (e.start_us - T0) / 1e6, ((e.end_us or 0) - T0) / 1e6) for e in self.events]


class Player:
    """Feeds pictures to a pipeline at a pace, and writes down what it says."""

    def __init__(self, infer: LocalInference | LateInference, options: DetectSettings) -> None:
        self.watched = Watched()
        self._infer, self._now_us, self._count = infer, T0, 0
        self.pipeline = WatchPipeline(
            watch_rules_of(options),
            infer=infer,
            tracker=ByteTracker(),
            events=EventLifecycle("front", rules_of(options), self._new_id),
            keep=self._keep,
            report=lambda report: self.watched.reports.append(((self._now_us - T0) / 1e6, report)),
        )
        self.watched.counters = self.pipeline.counters
        self._pace = FramePace(options.fps)

    def _new_id(self) -> str:
        self._count += 1
        return uuid7(self._now_us // 1000, self._count.to_bytes(10, "big"))

    def _keep(self, wish: PictureWish, picture: Picture) -> str:
        self.watched.pictures.append((wish.event_id, (picture.utc_us - T0) / 1e6, wish))
        return f"front/{wish.event_id}.pgp"

    def sees(self, picture: Picture) -> None:
        self._now_us = picture.utc_us
        self.watched.footage_s = (picture.utc_us - T0) / 1e6

    def show(self, picture: Picture) -> None:
        self._now_us = picture.utc_us
        if isinstance(self._infer, LateInference):
            self._infer.pass_time(picture.utc_us)
        if self._pace.takes(picture.utc_us):
            self.pipeline.step(picture)
        self.watched.footage_s = (picture.utc_us - T0) / 1e6

    def end(self) -> Watched:
        self.pipeline.close()
        return self.watched


def watch(
    path: Path,
    infer: LocalInference,
    options: DetectSettings | None = None,
    *,
    late_us: int = 0,
    skip: int = 0,
    until_s: float = 1e9,
) -> Watched:
    """Watch an H.264 or H.265 file, but for its first frames (a camera is joined at any moment) and what comes after a time."""
    player = Player(LateInference(infer, late_us) if late_us else infer, options or DetectSettings())
    info, samples = samples_of(path)
    decoder = Decoder(info, T0)
    began = time.process_time()
    for picture in islice(chain.from_iterable(map(decoder.decode, samples)), skip, None):
        if picture.utc_us > T0 + until_s * SECOND_US:
            break
        player.show(picture)
    player.watched.cpu_s = time.process_time() - began
    return player.end()


def watch_stream(path: Path, infer: LocalInference, options: DetectSettings | None = None) -> tuple[Watched, StreamCounters]:
    """Watch a whole H.264 or H.265 file as a camera's process does, calm while nothing moves."""
    options = options or DetectSettings()
    player = Player(infer, options)
    stream = StreamWatch(
        player.pipeline,
        fps=options.fps,
        lazy=options.lazy,
        glance_us=round(options.glance_s * SECOND_US),
        before_step=player.sees,
    )
    info, samples = samples_of(path)
    stream.begin(info, T0)
    began = time.process_time()
    for sample in samples:
        stream.feed(sample)
    player.watched.cpu_s = time.process_time() - began
    return player.end(), stream.counters


def watch_frames(
    frames: Iterator[av.VideoFrame], infer: LocalInference, fps: float = 10.0, options: DetectSettings | None = None
) -> Watched:
    """Watch decoded frames, for footage in codecs that no camera sends."""
    player = Player(infer, options or DetectSettings())
    for index, frame in enumerate(frames):
        player.show(Picture(frame, T0 + round(index * SECOND_US / fps)))
    return player.end()


def still(image: np.ndarray, seconds: float, fps: float = 5.0) -> Iterator[av.VideoFrame]:
    """Yield one BGR picture over and over."""
    high, wide = image.shape[0] & ~1, image.shape[1] & ~1
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image[:high, :wide]), format="bgr24").reformat(format="yuv420p")
    for _ in range(round(seconds * fps)):
        yield frame


def six_visits(watched: Watched, count: int = 6) -> None:
    """Compare with the ground truth of people.mp4, or with the first of its visits."""
    truth = json.loads(shared("footage/people.truth.json").read_text())
    visits = watched.visits
    assert [label for label, _, _ in visits] == ["person"] * count, visits
    for (_, start, end), (true_start, true_end) in zip(visits, truth["visits"][:count], strict=True):
        assert abs(start - true_start) <= truth["tolerance_s"], visits
        assert abs(end - true_end) <= truth["tolerance_s"], visits
