import io
from itertools import pairwise

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardian.media import fmp4_read
from guardian.media.fmp4_write import init_segment
from guardian.model.media import MAX_FRAGMENT_BYTES, Codec, Fragment, Sample, StreamInfo, TrackInfo
from guardian.record.segmenter import MAX_WAITING_AUDIO_BYTES, Cut, Segmenter
from tests.support.footage import stream, video

FRAME = 6000  # 15 fps
VIDEO = TrackInfo("video", Codec.H264, 90_000)
WITH_SOUND = StreamInfo(VIDEO, TrackInfo("audio", Codec.AAC, 16_000, sample_rate=16_000, channels=1))
START_UTC = 1_700_000_000_000_000


def frame(number: int, key: bool = False, size: int = 50) -> Sample:
    return Sample("video", number.to_bytes(4, "big") * (size // 4), number * FRAME, 0, 0, key, 1_000 + number)


def sound(dts: int, size: int = 20) -> Sample:
    return Sample("audio", dts.to_bytes(8, "big") * (size // 8), dts, 0, 1024, True, 0)


def utc(sample: Sample) -> int:
    return START_UTC + sample.dts * 100 // 9


def run(segmenter: Segmenter, samples: list[Sample]) -> list[Fragment | Cut]:
    out: list[Fragment | Cut] = []
    for sample in samples:
        out += segmenter.push(sample, utc(sample))
    return [*out, *segmenter.flush()]


def fragments(out: list[Fragment | Cut]) -> list[Fragment]:
    return [one for one in out if isinstance(one, Fragment)]


def kept(out: list[Fragment | Cut], kind: str) -> list[int]:
    return [s.dts for f in fragments(out) for s in fmp4_read.samples(f.data) if s.kind == kind]


def test_a_fragment_is_a_gop() -> None:
    out = run(Segmenter(StreamInfo(VIDEO)), [frame(n, key=n % 15 == 0) for n in range(40)])
    assert out[0] == Cut(0, START_UTC, 1_000)
    told = [(f.start_90k, f.duration_90k, f.start_utc_us - START_UTC, f.is_key, f.video_frames) for f in fragments(out)]
    assert told == [
        (0, 90_000, 0, True, 15),
        (90_000, 90_000, 1_000_000, True, 15),
        (180_000, 60_000, 2_000_000, True, 10),
    ]
    assert [fmp4_read.fragment_info(f.data).sequence for f in fragments(out)] == [1, 2, 3]


def test_what_comes_before_the_first_keyframe_is_dropped() -> None:
    out = run(Segmenter(WITH_SOUND), [frame(0), sound(0), frame(1), frame(2, key=True), sound(3000), frame(3)])
    assert out[0] == Cut(2 * FRAME, START_UTC + 133_333, 1_002)
    assert kept(out, "video") == [2 * FRAME, 3 * FRAME]
    assert kept(out, "audio") == [3000]


def test_a_long_gop_is_split_after_two_seconds_and_what_follows_is_no_keyframe() -> None:
    out = run(Segmenter(StreamInfo(VIDEO)), [frame(n, key=n % 75 == 0) for n in range(90)])
    assert [(f.start_90k, f.duration_90k, f.is_key) for f in fragments(out)] == [
        (0, 180_000, True),
        (180_000, 180_000, False),
        (360_000, 90_000, False),
        (450_000, 90_000, True),
    ]


def test_a_fat_gop_is_split_before_four_megabytes() -> None:
    out = run(Segmenter(StreamInfo(VIDEO)), [frame(n, key=n == 0, size=900_000) for n in range(12)])
    assert [f.video_frames for f in fragments(out)] == [4, 4, 4]
    assert all(len(f.data) <= MAX_FRAGMENT_BYTES for f in fragments(out))


def test_one_frame_larger_than_a_fragment_is_kept_whole() -> None:
    out = run(Segmenter(StreamInfo(VIDEO), max_fragment_bytes=1000), [frame(0, key=True, size=4000), frame(1)])
    assert [f.video_frames for f in fragments(out)] == [1, 1]


def test_a_segment_ends_at_the_first_keyframe_at_or_after_its_length() -> None:
    out = run(Segmenter(StreamInfo(VIDEO), segment_s=3.0), [frame(n, key=n % 30 == 0) for n in range(150)])
    kinds = ["cut" if isinstance(one, Cut) else one.start_90k // 90_000 for one in out]
    assert kinds == ["cut", 0, 2, "cut", 4, 6, "cut", 8]
    exact = run(Segmenter(StreamInfo(VIDEO), segment_s=2.0), [frame(n, key=n % 30 == 0) for n in range(61)])
    assert ["cut" if isinstance(one, Cut) else "f" for one in exact] == ["cut", "f", "cut", "f", "cut", "f"]


def test_a_segment_never_begins_without_a_keyframe() -> None:
    out = run(Segmenter(StreamInfo(VIDEO), segment_s=1.0), [frame(n, key=n == 0) for n in range(150)])
    assert sum(isinstance(one, Cut) for one in out) == 1
    assert len(fragments(out)) == 5


def test_a_cut_can_be_asked_for() -> None:
    segmenter = Segmenter(StreamInfo(VIDEO))
    samples = [frame(n, key=n % 15 == 0) for n in range(46)]
    out: list[Fragment | Cut] = []
    for sample in samples:
        if sample.dts == 20 * FRAME:
            segmenter.cut_at_next_keyframe()
        out += segmenter.push(sample, utc(sample))
    assert [one.start_90k // 90_000 for one in out if isinstance(one, Cut)] == [0, 2]


def test_the_last_frame_lasts_as_long_as_the_one_before_or_says() -> None:
    assert fragments(run(Segmenter(StreamInfo(VIDEO)), [frame(0, key=True), frame(1)]))[0].duration_90k == 2 * FRAME
    alone = Sample("video", b"\0\0\0\1e", 0, 0, 4500, True, 0)
    assert fragments(run(Segmenter(StreamInfo(VIDEO)), [alone]))[0].duration_90k == 4500


def test_durations_follow_the_next_frame_and_not_what_the_camera_says() -> None:
    uneven = [0, 6000, 7000, 20_000, 90_000]
    samples = [Sample("video", b"\0\0\0\1e", dts, 0, 1, dts in (0, 90_000), 0) for dts in uneven]
    first = fragments(run(Segmenter(StreamInfo(VIDEO)), samples))[0]
    assert [s.duration for s in fmp4_read.samples(first.data)] == [6000, 1000, 13_000, 70_000]


def test_sound_goes_where_its_time_is() -> None:
    samples = [frame(n, key=n % 15 == 0) for n in range(31)] + [sound(n * 1024) for n in range(32)]
    samples.sort(key=lambda s: s.dts / (90_000 if s.kind == "video" else 16_000))
    out = run(Segmenter(WITH_SOUND), samples)
    runs = [fmp4_read.fragment_info(f.data).tracks.get(2) for f in fragments(out)]
    assert [(r.first_dts, r.samples) if r else None for r in runs] == [(0, 16), (16_384, 16), None]
    assert kept(out, "audio") == [n * 1024 for n in range(32)]


def test_sound_that_comes_late_goes_into_the_next_fragment_and_keeps_its_time() -> None:
    samples: list[Sample] = []
    for n in range(46):
        samples.append(frame(n, key=n % 15 == 0))
        if n % 3 == 0 and n >= 6:  # 0.4 s behind
            samples.append(sound((n - 6) * 16_000 // 15))
    out = run(Segmenter(WITH_SOUND), samples)
    assert kept(out, "audio") == [n * 3200 for n in range(14)]
    second = fmp4_read.fragment_info(fragments(out)[1].data)
    assert second.tracks[2].first_dts < second.tracks[1].first_dts * 16_000 // 90_000


def test_sound_that_starts_late_stops_and_comes_back() -> None:
    samples: list[Sample] = []
    for n in range(150):
        samples.append(frame(n, key=n % 15 == 0))
        if 30 <= n < 60 or n >= 120:
            samples.append(sound(n * 16_000 // 15))
    out = run(Segmenter(WITH_SOUND), samples)
    with_sound = [2 in fmp4_read.fragment_info(f.data).tracks for f in fragments(out)]
    assert with_sound == [False, False, True, True, False, False, False, False, True, True]
    assert [f.duration_90k for f in fragments(out)] == [90_000] * 10


def test_sound_longer_than_its_picture_is_kept() -> None:
    out = run(Segmenter(WITH_SOUND), [frame(0, key=True), *[sound(n * 1024) for n in range(40)]])
    assert len(kept(out, "audio")) == 40
    assert fragments(out)[0].video_frames == 1


def test_sound_that_runs_ahead_for_ever_is_bounded() -> None:
    segmenter = Segmenter(WITH_SOUND)
    segmenter.push(frame(0, key=True), START_UTC)
    for n in range(3000):
        segmenter.push(sound(n * 1024, size=1000), START_UTC)
    (fragment,) = segmenter.flush()
    assert len(fragment.data) <= MAX_WAITING_AUDIO_BYTES + 2000
    assert fmp4_read.samples(fragment.data)[-1].dts == 2999 * 1024


def test_sound_of_a_long_recording_is_all_kept() -> None:
    samples = [frame(n, key=n % 15 == 0) for n in range(1500)] + [sound(n * 1024, size=1000) for n in range(1500)]
    samples.sort(key=lambda s: s.dts / (90_000 if s.kind == "video" else 16_000))
    assert sum(len(s.data) for s in samples if s.kind == "audio") > MAX_WAITING_AUDIO_BYTES
    assert len(kept(run(Segmenter(WITH_SOUND), samples), "audio")) == 1500


def test_sound_out_of_order_is_dropped() -> None:
    times = [0, 1024, 1024, 500, 2048, 1 << 40]
    out = run(Segmenter(WITH_SOUND), [frame(0, key=True), *[sound(t) for t in times], frame(1)])
    assert kept(out, "audio") == [0, 1024, 2048]


def test_sound_that_mp4_cannot_carry_is_left_out() -> None:
    info = StreamInfo(VIDEO, TrackInfo("audio", Codec.PCMU, 8000, sample_rate=8000, channels=1))
    out = run(Segmenter(info), [frame(0, key=True), sound(0), frame(1)])
    assert kept(out, "audio") == []
    assert kept(run(Segmenter(StreamInfo(VIDEO)), [frame(0, key=True), sound(0)]), "audio") == []


def test_a_clock_that_stands_still_or_is_absurd_breaks_nothing() -> None:
    samples = [
        frame(0, key=True),
        frame(1),
        frame(1),
        frame(0),
        frame(1, key=True),
        Sample("video", b"\0\0\0\1e", 2 * FRAME, 1 << 50, 0, False, 0),
        frame(3),
        frame(1 << 30),
        frame(1 << 30, key=True),
        frame((1 << 30) + 1, key=True),
    ]
    out = run(Segmenter(StreamInfo(VIDEO)), samples)
    assert kept(out, "video") == [0, FRAME, 2 * FRAME, 3 * FRAME, (1 << 30) * FRAME, ((1 << 30) + 1) * FRAME]
    assert run(Segmenter(StreamInfo(VIDEO)), [Sample("video", b"x", -5, 0, 0, True, 0)]) == []


def test_after_a_flush_it_begins_with_a_keyframe_and_a_cut() -> None:
    segmenter = Segmenter(StreamInfo(VIDEO))
    run(segmenter, [frame(0, key=True), frame(1)])
    assert segmenter.flush() == ()
    out = run(segmenter, [frame(2), frame(3, key=True), frame(4)])
    assert [type(one) for one in out] == [Cut, Fragment]
    assert fmp4_read.fragment_info(fragments(out)[0].data).sequence == 2


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
@pytest.mark.parametrize("segment_s", [1.0, 60.0])
def test_fragments_of_a_run_joined_are_the_stream(codec: Codec, segment_s: float) -> None:
    info, samples = stream(video(codec, frames=90, gop=45, bframes=2), Codec.AAC)
    out = run(Segmenter(info, segment_s=segment_s), samples)
    data = init_segment(info) + b"".join(f.data for f in fragments(out))
    with av.open(io.BytesIO(data)) as container:
        pictures = [(p.pts, p.corrupt if hasattr(p, "corrupt") else p.is_corrupt) for p in container.decode(video=0)]
    assert pictures == [(s, False) for s in sorted(s.dts + s.cts_offset for s in samples if s.kind == "video")]
    assert kept(out, "audio") == [s.dts for s in samples if s.kind == "audio"]


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 200_000), st.booleans(), st.integers(-40_000, 40_000)), max_size=60),
    st.sampled_from([0.5, 3.0]),
)
def test_no_frame_is_lost_or_doubled_and_times_join(steps: list[tuple[bool, int, bool, int]], segment_s: float) -> None:
    """Whatever the frame rate, keyframes and sound: each frame once, each fragment begins where the last one ended."""
    samples, at = [frame(0, key=True)], 0
    for key, step, with_sound, skew in steps:
        at += step
        samples.append(Sample("video", b"\0\0\0\1e", at, 0, 0, key, 0))
        if with_sound:
            samples.append(sound(max(0, at + skew) * 16_000 // 90_000))
    out = run(Segmenter(WITH_SOUND, segment_s=segment_s), samples)
    assert kept(out, "video") == [s.dts for s in samples if s.kind == "video"]
    heard = kept(out, "audio")
    assert heard == sorted(set(heard))
    parts = fragments(out)
    assert all(a.start_90k + a.duration_90k == b.start_90k for a, b in pairwise(parts))
    for before, after in pairwise(out):
        if isinstance(before, Cut):
            assert isinstance(after, Fragment)
            assert after.is_key
            assert (after.start_90k, after.start_utc_us) == (before.start_90k, before.start_utc_us)
