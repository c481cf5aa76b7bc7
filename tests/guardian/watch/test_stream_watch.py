"""Laziness loses no frame of what wakes it: real encoded pictures, real motion, inference that sees the bright square."""

from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
from guardian_bytetrack.tracker import ByteTracker

from guardian.events.lifecycle import EventLifecycle
from guardian.media.nal import to_sample_data
from guardian.model.media import Codec, Sample, StreamInfo, TrackInfo
from guardian.model.messages import InferReply, ModelReady
from guardian.model.vision import Box, Detection
from guardian.processes.watching import rules_of
from guardian.settings.schema import DetectSettings
from guardian.watch.gate import Why
from guardian.watch.pipeline import WatchPipeline, WatchRules
from guardian.watch.stream_watch import StreamWatch

FPS, WIDTH, HEIGHT = 15, 320, 192
T0 = 1_795_392_000_000_000


class Finds:
    """Sees what is bright as a person."""

    model = ModelReady("fake", "fake", "fake", 64, 64, "rgb", 0, ("person",), 0.4)

    def submit(self, pictures, on_done):
        on_done(InferReply(1, tuple(self._look(picture) for picture in pictures)))
        return True

    def _look(self, picture):
        bright = np.argwhere(picture[..., 1] > 200)
        if len(bright) < 12:
            return ()
        (y1, x1), (y2, x2) = bright.min(axis=0) / 64, (bright.max(axis=0) + 1) / 64
        return (Detection("person", 0.9, Box(float(x1), float(y1), float(x2), float(y2))),)


def film(seconds, walks=(), *, gop=30, bframes=0, bit_rate=0, light_at=None):
    """Encode a still, noisy scene through which a bright square walks from each begin to each end."""
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    context.time_base, context.framerate = Fraction(1, FPS), Fraction(FPS)
    params = f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes={bframes}:annexb=1:repeat-headers=0"
    if bit_rate:
        params += f":vbv-maxrate={bit_rate}:vbv-bufsize={bit_rate}:bitrate={bit_rate}"
    context.options = {"preset": "veryfast", "x264-params": params}
    context.flags |= 0x400000  # AV_CODEC_FLAG_GLOBAL_HEADER
    context.thread_count = 1
    context.open()
    random = np.random.default_rng(7)
    scene = random.integers(60, 120, (HEIGHT // 8, WIDTH // 8)).repeat(8, 0).repeat(8, 1).astype(np.int16)
    packets = []
    for n in range(round(seconds * FPS)):
        at = n / FPS
        luma = scene + random.integers(-3, 4, scene.shape) + (50 if light_at is not None and at >= light_at else 0)
        for begin, end in walks:
            if begin <= at < end:
                x = 8 + round((at - begin) / (end - begin) * (WIDTH - 56)) & ~1
                luma[72:120, x : x + 40] = 235
        planes = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
        planes[:HEIGHT] = luma.clip(16, 235)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = n, Fraction(1, FPS)
        packets += context.encode(frame)
    packets += context.encode(None)
    track = TrackInfo("video", Codec.H264, 90_000, bytes(context.extradata or b""), WIDTH, HEIGHT)
    first = packets[0].dts
    samples = [
        Sample(
            "video",
            to_sample_data(bytes(p), Codec.H264),
            (p.dts - first) * 6000,
            (p.pts - p.dts) * 6000,
            6000,
            p.is_keyframe,
            0,
        )
        for p in packets
    ]
    return StreamInfo(track), samples


def watch(clip, *, lazy=True, glance_s=4.0, see=lambda picture: None, fed=lambda counted: None):
    """Return visits in seconds, what was counted, and the time of each look."""
    options = DetectSettings(lazy=lazy, glance_s=glance_s, end_after_s=2.0)
    reports, looks, ids = [], [], iter(range(1000))
    pipeline = WatchPipeline(
        WatchRules(frozenset(options.labels), options.min_score, options.masks),
        infer=Finds(),
        tracker=ByteTracker(),
        events=EventLifecycle("front", rules_of(options), lambda: f"{next(ids)}"),
        keep=lambda wish, picture: "kept",
        report=reports.append,
    )
    stream = StreamWatch(
        pipeline,
        fps=options.fps,
        lazy=lazy,
        glance_us=round(glance_s * 1e6),
        before_step=lambda picture: (looks.append((picture.utc_us - T0) / 1e6), see(picture)),
    )
    info, samples = clip
    stream.begin(info, T0)
    for sample in samples:
        stream.feed(sample)
        fed(stream.counters)
    pipeline.close()
    last = {report.event.id: report.event for report in reports}
    visits = [((one.start_us - T0) / 1e6, (one.end_us - T0) / 1e6) for one in last.values()]
    return visits, stream.counters, looks


WALKS = ((24.3, 28.0), (47.1, 51.5))


@pytest.mark.parametrize(
    "how", [{}, {"gop": 150}, {"bframes": 2}, {"gop": 15}, {"bit_rate": 150}], ids=["plain", "long", "b", "short", "cbr"]
)
def test_lazy_and_eager_find_the_same_visits_at_the_same_times(how):
    clip = film(64, WALKS, **how)
    lazy, counted, looks = watch(clip)
    eager, _, _ = watch(clip, lazy=False)
    assert len(lazy) == len(eager) == 2
    for one, other, walk in zip(lazy, eager, WALKS, strict=True):
        assert one[0] == pytest.approx(other[0], abs=0.25)
        assert one[1] == pytest.approx(other[1], abs=0.25)
        assert abs(one[0] - walk[0]) < 0.6
    assert counted.decoded < 0.75 * counted.packets
    assert all(b > a for a, b in pairwise(looks))  # in order, none twice


def test_while_nothing_moves_only_glances_are_decoded():
    clip = film(60)
    visits, counted, looks = watch(clip)
    assert visits == []
    assert counted.glances in (11, 12, 13)
    assert counted.decoded <= 10.2 * FPS + counted.glances + 1
    assert max(looks) <= 10.2
    assert counted.calm_us >= 40e6


def test_a_walk_between_two_glances_that_no_packet_shows_is_still_found():
    """At a constant bit rate packets do not grow; the glance after it begins sees it, and what was kept is decoded."""
    visits, _, looks = watch(film(40, ((21.0, 27.0),), bit_rate=40), glance_s=6.0)
    assert len(visits) == 1
    assert visits[0][0] < 21.8
    between = [at for at in looks if 21 <= at < 24]
    assert len(between) >= 14  # five a second


def test_a_lamp_that_goes_on_wakes_and_makes_no_event():
    visits, counted, _ = watch(film(50, light_at=25.0))
    assert visits == []
    assert counted.seen.wakes.keys() & {Why.LIGHT, Why.PACKETS, Why.PICTURE}
    assert counted.calm_us > 20e6


def test_a_damaged_keyframe_while_calm_is_survived():
    info, samples = film(60, ((45.0, 50.0),))
    broken = [
        s if not (s.is_key and 20 * 90_000 < s.dts < 30 * 90_000) else Sample("video", s.data[:40], s.dts, 0, 6000, True, 0)
        for s in samples
    ]
    visits, _, _ = watch((info, broken))
    assert len(visits) == 1


def test_without_laziness_every_frame_is_decoded():
    _, counted, looks = watch(film(30), lazy=False)
    assert counted.decoded == counted.packets == 450
    assert len(looks) == 150


def test_a_walk_before_the_first_glance_after_calm_began_within_a_gop_is_found_from_its_begin():
    skies = []
    visits, counted, _ = watch(
        film(24, ((12.3, 17.5),), bit_rate=40), see=lambda picture: skies.append(picture.luma()[:60].copy())
    )
    assert next(why for why in counted.seen.wakes if why is not Why.START) is Why.PICTURE
    assert counted.faults == 0
    assert len(visits) == 1
    assert visits[0][0] < 13.1
    assert all(np.abs(sky.astype(int) - skies[0]).mean() < 12 for sky in skies), (
        "a frame was decoded without those it is made of"
    )


@pytest.mark.parametrize(("how", "spared"), [({}, 2), ({"gop": 13}, 1), ({"bframes": 2}, 0)], ids=["plain", "odd", "b"])
def test_what_follows_the_last_look_before_a_keyframe_is_never_decoded_and_no_look_is_lost_for_it(how, spared):
    clip = film(9, ((1.0, 8.5),), **how)
    visits, counted, looks = watch(clip)
    eager_visits, eager, eager_looks = watch(clip, lazy=False)
    assert (visits, looks) == (eager_visits, eager_looks)
    assert counted.faults == 0
    whole_gops = sum(sample.is_key for sample in clip[1]) - 1
    assert counted.decoded <= eager.decoded - spared * (whole_gops - 1)  # of the last, which is cut short, more was to come


def test_frames_are_decoded_as_they_come_where_another_look_follows_before_the_next_keyframe():
    decoded = []
    watch(film(7, ((1.0, 6.5),)), fed=lambda counted: decoded.append(counted.decoded))
    steps = [after - before for before, after in pairwise(decoded)]
    assert steps[59:89] == [1] * 28 + [0, 0]  # the third GOP, from its keyframe on
