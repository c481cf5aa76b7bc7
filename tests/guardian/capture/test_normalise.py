import io
from dataclasses import dataclass, field, replace
from itertools import pairwise

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guardian.capture.normalise import HELD_PACKETS, JUMP_90K, NewRun, Normaliser
from guardian.media.decoder_config import decoder_record, parameter_sets
from guardian.media.fmp4_write import init_segment, media_fragment
from guardian.media.nal import split_annexb, to_sample_data
from guardian.model.errors import Damaged
from guardian.model.media import Codec, Packet, Sample, StreamInfo, TrackInfo
from tests.support import footage
from tests.support.rtsp import make_video

FRAME = 6000  # 15 frames a second
SECOND = 90_000
GOP = 15


@dataclass
class Run:
    info: StreamInfo
    arrived_us: int
    samples: list[Sample] = field(default_factory=list)

    def of(self, kind):
        return [sample for sample in self.samples if sample.kind == kind]

    @property
    def video(self):
        return self.of("video")

    @property
    def audio(self):
        return self.of("audio")


def runs_of(packets, info, *, paced=True):
    """Normalise, check what holds of every stream, and return its runs."""
    normaliser = Normaliser(info, paced=paced)
    runs = []
    for step in (*(s for packet in packets for s in normaliser.push(packet)), *normaliser.flush()):
        if isinstance(step, NewRun):
            runs.append(Run(step.info, step.arrived_us))
        else:
            runs[-1].samples.append(step)
    for run in runs:
        check(run)
    return runs, normaliser


def check(run):
    times = [sample.dts for sample in run.video]
    assert times[0] == 0
    assert run.video[0].is_key
    assert run.samples[0].kind == "video"
    assert all(before < after for before, after in pairwise(times))
    assert all(sample.duration > 0 for sample in run.samples)
    assert run.audio == [] or run.info.audio is not None
    ends = 0
    for sample in run.audio:
        assert sample.dts >= ends
        ends = sample.dts + sample.duration


def play(run):
    """Write a run as MP4, decode it, and return the pictures' presentation times and the sound's samples."""
    rate = run.info.audio.sample_rate if run.info.audio else 0
    data = init_segment(run.info) + media_fragment(run.samples, 1, rate)
    with av.open(io.BytesIO(data)) as file:
        shown = [frame.pts for frame in file.decode(video=0)]
    heard = 0
    if run.audio:
        with av.open(io.BytesIO(data)) as file:
            heard = sum(frame.samples for frame in file.decode(audio=0))
    assert shown == sorted(set(shown))
    return shown, heard


def pictures(video=None, *, at=0, arrive=1_000_000, in_band=False):
    """A footage's units as a camera sends them."""
    video = video or footage.video(frames=60, gop=GOP)
    return [
        Packet(
            "video",
            (video.config if in_band and unit.is_key else b"") + unit.data,
            unit.pts + at,
            unit.dts + at,
            FRAME,
            unit.is_key,
            arrive + unit.dts * 100 // 9,
        )
        for unit in video.units
    ]


def sounds(codec=Codec.AAC, *, at=0, arrive=1_000_000, seconds=4.0):
    track, frames = footage.sound(codec, seconds)
    return track, [
        Packet("audio", data, dts + at, dts + at, size, True, arrive + dts * 1_000_000 // track.timescale)
        for data, dts, size in frames
    ]


def stream(video=None, audio=None, config=None):
    video = video or footage.video(frames=60, gop=GOP)
    return StreamInfo(TrackInfo("video", video.codec, 90_000, video.config if config is None else config), audio)


def by_arrival(*lists):
    return sorted((packet for one in lists for packet in one), key=lambda packet: packet.arrived_us)


def later(packets, seconds, media=None):
    """The same packets some seconds later on our clock, and on the camera's."""
    ticks = round((seconds if media is None else media) * SECOND)
    moved = []
    for packet in packets:
        times = (None if t is None else t + ticks for t in (packet.pts, packet.dts))
        pts, dts = times
        moved.append(replace(packet, pts=pts, dts=dts, arrived_us=packet.arrived_us + round(seconds * 1_000_000)))
    return moved


# Pictures


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
@pytest.mark.parametrize("bframes", [0, 3])
@pytest.mark.parametrize("in_band", [False, True])
def test_every_picture_comes_out_in_its_place(codec, bframes, in_band):
    video = footage.video(codec, frames=60, gop=GOP, bframes=bframes)
    config = b"" if in_band else None
    (run,), normaliser = runs_of(pictures(video, at=123_456_789, in_band=in_band), stream(video, config=config))
    assert normaliser.dropped == 0
    assert [(s.dts, s.dts + s.cts_offset) for s in run.video] == [(u.dts, u.pts) for u in video.units]
    assert min(s.cts_offset for s in run.video) >= 0
    assert (run.info.video.width, run.info.video.height) == (162, 98)
    assert run.info.video.config[0] == 1
    shown, _ = play(run)
    assert len(shown) == 60
    assert [s.is_key for s in run.video] == [u.is_key for u in video.units]


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_length_prefixed_units_with_a_record(tmp_path, codec):
    with av.open(str(make_video(tmp_path / "v.mp4", seconds=3, codec=codec, audio="aac"))) as file:
        video, audio = file.streams.video[0], file.streams.audio[0]
        kinds = {"libx264": Codec.H264, "libx265": Codec.H265}
        scale, extra = video.time_base.denominator, bytes(video.codec_context.extradata)
        rate = audio.codec_context.sample_rate
        sound = TrackInfo("audio", Codec.AAC, rate, bytes(audio.codec_context.extradata), sample_rate=rate, channels=1)
        info = StreamInfo(TrackInfo("video", kinds[codec], scale, extra), sound)
        packets = [
            Packet(p.stream.type, bytes(p), p.pts, p.dts, p.duration, p.is_keyframe, round(float(p.dts * p.time_base) * 1e6))
            for p in file.demux(video, audio)
            if p.size
        ]
    (run,), normaliser = runs_of(packets, info, paced=False)
    shown, heard = play(run)
    assert (len(shown), normaliser.dropped) == (30, 0)
    assert (run.info.video.width, run.info.video.height) == (320, 240)
    assert heard == pytest.approx(3 * rate, rel=0.1)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_lengths_of_another_size(size):
    video = footage.video(frames=20, gop=5, width=64, height=64)
    record = bytearray(decoder_record(parameter_sets(Codec.H264, video.config)))
    record[4] = 0xFC | size - 1
    packets = []
    for packet in pictures(video):
        units = [packet.data[start:end] for start, end in split_annexb(packet.data)]
        units = [unit for unit in units if len(unit) < 1 << 8 * size and unit[0] & 31 != 6]
        packets.append(replace(packet, data=b"".join(len(unit).to_bytes(size, "big") + unit for unit in units)))
    whole = [bool(packet.data) for packet in packets]
    if not whole[0]:
        pytest.skip("the first picture does not fit lengths of one byte")
    (run,), normaliser = runs_of([p for p in packets if p.data], stream(config=bytes(record)))
    assert normaliser.dropped == 0
    assert len(run.video) == sum(whole)
    assert len(play(run)[0]) == sum(whole)


def test_a_stream_begins_at_its_first_keyframe():
    packets = pictures()
    (run,), normaliser = runs_of(packets[4:], stream())
    assert normaliser.dropped == GOP - 4
    assert len(play(run)[0]) == 60 - GOP
    assert run.arrived_us == packets[GOP].arrived_us


def test_who_calls_a_picture_a_keyframe_that_is_none_is_not_believed():
    packets = [replace(packet, is_key=True) for packet in pictures()]
    (run,), _ = runs_of(packets[4:], stream())
    assert [s.is_key for s in run.video] == [n % GOP == 0 for n in range(60 - GOP)]


@pytest.mark.parametrize("bframes", [0, 3])
@pytest.mark.parametrize("missing", ["pts", "dts", "both", "dts at first"])
def test_times_that_the_camera_does_not_give(missing, bframes):
    video = footage.video(frames=60, gop=GOP, bframes=bframes)
    packets = []
    for n, packet in enumerate(pictures(video, at=777)):
        pts = None if missing in ("pts", "both") else packet.pts
        dts = None if missing in ("dts", "both") or (missing == "dts at first" and n < 4) else packet.dts
        packets.append(replace(packet, pts=pts, dts=dts, duration=0))
    runs, normaliser = runs_of(packets, stream(video))
    assert normaliser.dropped == 0
    assert sum(len(run.video) for run in runs) == 60
    if missing.startswith("dts") or not bframes:  # without pts nobody can tell the order of B-frames
        assert sum(len(play(run)[0]) for run in runs) == 60
    if not bframes or missing in ("pts", "both"):
        (run,) = runs
        assert [s.cts_offset for s in run.video] == [0] * 60
        assert run.video[-1].dts == pytest.approx(59 * FRAME, abs=2)
    else:  # how far pictures are reordered is learnt; from the next keyframe on no offset is negative
        assert len(runs) == 2
        assert len(runs[0].video) == GOP
        assert min(s.cts_offset for s in runs[1].video) >= 0
        shown = sorted(s.dts + s.cts_offset for s in runs[1].video)
        assert {after - before for before, after in pairwise(shown)} == {FRAME}


def test_equal_and_slightly_backward_times_are_mended():
    packets = pictures()
    for n, back in ((5, 0), (9, 1), (20, FRAME), (31, SECOND // 2)):
        before = packets[n - 1].dts - back
        packets[n] = replace(packets[n], dts=before, pts=before)
    (run,), normaliser = runs_of(packets, stream())
    assert normaliser.dropped == 0
    assert len(play(run)[0]) == 60
    assert {s.cts_offset for s in run.video} == {0}
    assert run.video[5].dts == run.video[4].dts + 1
    assert run.video[-1].dts == 59 * FRAME


@pytest.mark.parametrize("given", ["both", "pts"])
@pytest.mark.parametrize("jump_s", [3600, 10.5, -1.5, -3600])
@pytest.mark.parametrize("at", [20, 2 * GOP])
def test_a_jump_of_the_cameras_clock_begins_a_run_at_the_next_keyframe(jump_s, at, given):
    packets = pictures(at=10_000 * SECOND)
    packets = packets[:at] + [
        replace(p, dts=p.dts + round(jump_s * SECOND), pts=p.pts + round(jump_s * SECOND)) for p in packets[at:]
    ]
    if given == "pts":
        packets = [replace(p, dts=None) for p in packets]
    runs, normaliser = runs_of(packets, stream())
    assert normaliser.dropped == 0
    assert [len(run.video) for run in runs] == [2 * GOP, 2 * GOP]
    for run in runs:  # what came between the jump and the keyframe goes on at its pace
        assert [s.dts for s in run.video] == pytest.approx([n * FRAME for n in range(2 * GOP)], abs=2)
        assert len(play(run)[0]) == 2 * GOP
    assert runs[1].arrived_us == packets[2 * GOP].arrived_us


def test_a_jump_in_which_time_went_by_stands_as_long_as_it_took():
    packets = pictures()
    (first, _), _ = runs_of(packets[:20] + later(packets[20:], 12), stream())
    assert first.video[20].dts - first.video[19].dts == pytest.approx(12 * SECOND + FRAME, abs=2)


def test_a_pause_is_no_jump():
    packets = pictures()
    (run,), _ = runs_of(packets[:20] + later(packets[20:], 9.5), stream())
    assert run.video[20].dts - run.video[19].dts == round(9.5 * SECOND) + FRAME
    assert run.video[20].dts - run.video[19].dts < JUMP_90K


def test_a_file_whose_clock_jumps():
    packets = pictures()
    moved = [replace(p, dts=p.dts + 100 * SECOND, pts=p.pts + 100 * SECOND) for p in packets[20:]]
    packets = [replace(p, arrived_us=5) for p in packets[:20] + moved]
    runs, _ = runs_of(packets, stream(), paced=False)
    assert [len(run.video) for run in runs] == [2 * GOP, 2 * GOP]
    assert runs[0].video[-1].dts == (2 * GOP - 1) * FRAME


@pytest.mark.parametrize("bframes", [0, 3])
@pytest.mark.parametrize("before", [0, 7, 10 * FRAME, 10 * FRAME + 1, 31 * FRAME])
def test_a_clock_of_33_bits_wraps_unseen(before, bframes):
    video = footage.video(frames=60, gop=GOP, bframes=bframes)
    packets = [replace(p, pts=p.pts % (1 << 33), dts=p.dts % (1 << 33)) for p in pictures(video, at=(1 << 33) - before)]
    (run,), _ = runs_of(packets, stream(video))
    assert [(s.dts, s.dts + s.cts_offset) for s in run.video] == [(u.dts, u.pts) for u in video.units]


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
def test_new_parameter_sets_begin_a_run_of_the_new_size(codec, alone):
    small, large = footage.video(codec, frames=30, gop=GOP), footage.video(codec, frames=30, gop=GOP, width=320, height=240)
    after = later(pictures(large, in_band=not alone), 2)
    if alone:  # they come as a packet of their own
        after.insert(0, replace(after[0], data=large.config, is_key=False))
    runs, normaliser = runs_of(pictures(small) + after, stream(small))
    assert normaliser.dropped == 0
    assert [(r.info.video.width, r.info.video.height, len(play(r)[0])) for r in runs] == [(162, 98, 30), (320, 240, 30)]


def test_the_same_parameter_sets_again_change_nothing():
    runs, _ = runs_of(pictures(in_band=True), stream())
    assert len(runs) == 1


def test_a_new_pps_alone_keeps_the_sps():
    video = footage.video(frames=60, gop=GOP)
    sps, pps = (video.config[a:b] for a, b in split_annexb(video.config) if video.config[a] & 31 in (7, 8))
    packets = pictures(video)
    packets[GOP] = replace(packets[GOP], data=b"\0\0\0\1" + pps[:-1] + bytes([pps[-1] ^ 0x40]) + packets[GOP].data)
    runs, _ = runs_of(packets, stream(config=b"\0\0\0\1" + sps + b"\0\0\0\1" + pps))
    assert [len(run.video) for run in runs] == [GOP, 60 - GOP]
    assert sps in runs[1].info.video.config


def test_damaged_parameter_sets_in_a_running_stream_are_left_out():
    packets = pictures(in_band=True)
    packets[GOP] = replace(packets[GOP], data=b"\0\0\0\1\x67\x64\0\0\0\1\x68\xee" + packets[2].data, is_key=False)
    packets[2 * GOP] = replace(packets[2 * GOP], data=b"\0\0\0\1\x67\x64\0\0\0\1\x68\xee" + pictures()[2 * GOP].data)
    (run,), normaliser = runs_of(packets, stream(config=b""))
    assert normaliser.dropped == 1
    assert len(run.video) == 59


def test_damaged_parameter_sets_from_the_beginning_are_said():
    with pytest.raises(Damaged):
        runs_of(pictures(), stream(config=b"\0\0\0\1\x67\x64\0\0\0\1\x68\xee"))


def test_a_stream_without_parameter_sets_gives_nothing():
    runs, normaliser = runs_of(pictures(), stream(config=b""))
    assert (runs, normaliser.dropped) == ([], 60)


def test_damaged_packets_are_left_out():
    packets = pictures()
    packets[3] = replace(packets[3], data=b"\x00\x00\xff\xff\x41")
    packets[4] = replace(packets[4], data=b"")
    packets[5] = replace(packets[5], data=b"\0\0\0\1\x09\x10")  # a delimiter alone
    (run,), normaliser = runs_of(packets, stream())
    assert len(run.video) == 57
    assert normaliser.dropped == 1


@pytest.mark.parametrize("per_second_s", [0.1, -0.1])
def test_drift_of_the_cameras_clock_begins_a_run(per_second_s):
    video = footage.video(frames=60, gop=GOP)
    packets = [p for n in range(10) for p in later(pictures(video), 4 * n)]
    packets = [replace(p, arrived_us=1_000_000 + round((p.arrived_us - 1_000_000) * (1 + per_second_s))) for p in packets]
    runs, normaliser = runs_of(packets, stream())
    assert normaliser.dropped == 0
    assert len(runs) == 2
    assert len(runs[0].video) * FRAME / SECOND == pytest.approx(21, abs=1.1)
    assert len(runs_of(packets, stream(), paced=False)[0]) == 1


def test_new_parameters_from_the_source():
    small, large = footage.video(frames=30, gop=GOP), footage.video(frames=30, gop=GOP, width=320, height=240)
    after = later(pictures(large), 2, media=500)
    after[0] = replace(after[0], info=stream(large))
    runs, _ = runs_of(pictures(small) + after, stream(small))
    assert [(run.info.video.width, len(play(run)[0])) for run in runs] == [(162, 30), (320, 30)]


def test_what_is_held_back_is_given_before_new_parameters_hold():
    track, _ = sounds()
    first, second = pictures()[:GOP], pictures()[:GOP]
    second[0] = replace(second[0], info=stream())
    runs, _ = runs_of([replace(p, arrived_us=5) for p in first] + second, stream(audio=track))
    assert [len(run.video) for run in runs] == [GOP, GOP]


times = st.one_of(st.none(), st.integers(-(1 << 34), 1 << 34), st.integers(0, 100_000))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(times, times, st.integers(0, 9000), st.booleans()), min_size=40, max_size=60), st.booleans())
def test_whatever_the_times_samples_are_in_order_and_writable(given_times, paced):
    track, sound = sounds(seconds=2.0)
    packets = pictures()
    mixed, arrived = [], 0
    for n, (pts, dts, duration, is_sound) in enumerate(given_times):
        arrived += 66_000
        packet = sound[n % len(sound)] if is_sound else packets[n]
        mixed.append(replace(packet, pts=pts, dts=dts, duration=duration, arrived_us=arrived))
    runs, _ = runs_of(mixed, stream(audio=track), paced=paced)
    for run in runs:
        init_segment(run.info)
        media_fragment(run.samples, 1, 48_000)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-SECOND // 3, SECOND // 3), min_size=60, max_size=60), st.sampled_from([0, 3]))
def test_jitter_loses_no_picture(jitter, bframes):
    video = footage.video(frames=60, gop=GOP, bframes=bframes)
    packets = [replace(p, pts=p.pts + j, dts=p.dts + j) for p, j in zip(pictures(video, at=SECOND), jitter, strict=True)]
    runs, normaliser = runs_of(packets, stream(video))
    assert (sum(len(run.video) for run in runs), normaliser.dropped) == (60, 0)
    assert min(s.cts_offset for run in runs for s in run.video) >= 0


# Sound


@pytest.mark.parametrize("codec", [Codec.AAC, Codec.OPUS])
def test_sound_and_pictures_stand_on_one_clock(codec):
    track, sound = sounds(codec, at=48_000 * 1000)
    (run,), _ = runs_of(by_arrival(pictures(at=1000 * SECOND), sound), stream(audio=track))
    assert run.info.audio.timescale == 48_000
    assert len(run.audio) == len(sound)
    assert [s.dts for s in run.audio] == [p.dts - 48_000 * 1000 for p in sound]
    shown, heard = play(run)
    assert len(shown) == 60
    assert heard == pytest.approx(4 * 48_000, rel=0.02)


def test_a_run_waits_a_second_for_its_sound():
    track, sound = sounds()
    packets = pictures()
    late = [p for p in sound if p.arrived_us > packets[10].arrived_us]
    (run,), _ = runs_of(by_arrival(packets, late), stream(audio=track))
    assert run.info.audio is not None
    assert len(run.video) == 60
    assert run.audio[0].dts == late[0].dts


def test_sound_that_comes_later_begins_a_run_and_costs_no_picture():
    track, sound = sounds()
    packets = pictures()
    late = [p for p in sound if p.arrived_us > packets[20].arrived_us]
    runs, normaliser = runs_of(by_arrival(packets, late), stream(audio=track))
    assert [(len(run.video), run.info.audio is not None) for run in runs] == [(2 * GOP, False), (2 * GOP, True)]
    assert normaliser.dropped == 0
    assert len(runs[1].audio) == sum(p.arrived_us >= packets[2 * GOP].arrived_us for p in late)


def test_sound_that_stops_and_comes_back():
    track, sound = sounds()
    video = [p for n in range(5) for p in later(pictures(), 4 * n)]
    again = [
        replace(p, pts=p.pts + 12 * 48_000, dts=p.dts + 12 * 48_000, arrived_us=p.arrived_us + 12_200_000) for p in sound
    ]
    runs, normaliser = runs_of(by_arrival(video, sound, again), stream(audio=track))
    assert normaliser.dropped == 0
    assert [(len(run.video) // GOP, bool(run.audio)) for run in runs] == [(9, True), (4, False), (7, True)]
    assert [run.info.audio is not None for run in runs] == [True, False, True]
    assert sum(len(play(run)[0]) for run in runs) == 300


@pytest.mark.parametrize("offset_s", [5000, -5000, 2.5])
def test_sound_with_a_clock_of_its_own_is_placed_by_its_arrival(offset_s):
    track, sound = sounds(at=round(48_000 * (1000 + offset_s)))
    (run,), _ = runs_of(by_arrival(pictures(at=1000 * SECOND), sound), stream(audio=track))
    assert run.audio[0].dts == pytest.approx(0, abs=2)
    assert run.audio[-1].dts == pytest.approx(sound[-1].dts - sound[0].dts, abs=2)


def test_sound_without_times_is_placed_by_its_arrival():
    track, sound = sounds()
    late = [replace(p, pts=None, dts=None, duration=0) for p in sound if p.arrived_us > 1_500_000]
    (run,), _ = runs_of(by_arrival(pictures(), late), stream(audio=track))
    assert run.audio[0].dts == pytest.approx(24_000, abs=1024)
    assert {after.dts - before.dts for before, after in pairwise(run.audio)} == {1024}


@pytest.mark.parametrize("jump_s", [100, -100, -3])
def test_a_jump_of_the_sounds_clock_alone_keeps_it_going(jump_s):
    track, sound = sounds()
    moved = [replace(p, pts=p.pts + jump_s * 48_000, dts=p.dts + jump_s * 48_000) for p in sound[50:]]
    (run,), _ = runs_of(by_arrival(pictures(), sound[:50] + moved), stream(audio=track))
    assert [s.dts for s in run.audio] == [p.dts for p in sound]


def test_a_sound_clock_that_falls_behind_is_set_right_in_a_new_run():
    track, sound = sounds()
    video = [p for n in range(4) for p in later(pictures(), 4 * n)]
    slow = []
    for n in range(4):
        slow += [
            replace(p, pts=p.pts * 3 // 4 + n * 144_000, dts=None, duration=768, arrived_us=p.arrived_us + n * 4_000_000)
            for p in sound
        ]
    runs, normaliser = runs_of(by_arrival(video, slow), stream(audio=track))
    assert normaliser.dropped == 0
    assert len(runs) == 2
    assert runs[1].audio[0].dts < 48_000 // 10


def test_the_header_of_adts_goes():
    track, sound = sounds()
    wrapped = []
    for packet in sound:
        size = len(packet.data) + 7
        header = bytes([0xFF, 0xF1, 0x4C, 0x40 | size >> 11, size >> 3 & 0xFF, (size & 7) << 5 | 0x1F, 0xFC])
        wrapped.append(replace(packet, data=header + packet.data))
    (run,), _ = runs_of(by_arrival(pictures(), wrapped), stream(audio=track))
    assert [s.data for s in run.audio] == [p.data for p in sound]
    assert play(run)[1] > 180_000


@pytest.mark.parametrize("codec", [Codec.PCMU, Codec.PCMA])
def test_g711_gives_no_samples_and_delays_nothing(codec):
    track = TrackInfo("audio", codec, 8000, sample_rate=8000, channels=1)
    speech = [Packet("audio", bytes(160), n * 160, n * 160, 160, True, 1_000_000 + n * 20_000) for n in range(200)]
    normaliser = Normaliser(stream(audio=track))
    assert list(normaliser.push(speech[0])) == []
    assert len(list(normaliser.push(pictures()[0]))) == 2
    (run,), normaliser = runs_of(by_arrival(pictures(), speech), stream(audio=track))
    assert (run.audio, len(run.video), normaliser.dropped) == ([], 60, 0)
    assert len(play(run)[0]) == 60


def test_what_is_held_back_has_a_bound_and_comes_at_the_end():
    track, _ = sounds()
    normaliser = Normaliser(stream(audio=track))
    same = [replace(p, arrived_us=5) for n in range(10) for p in later(pictures(), 4 * n)]
    given_at = next(n for n, packet in enumerate(same) if list(normaliser.push(packet)))
    assert given_at == HELD_PACKETS - 1
    (run,), _ = runs_of(same[:10], stream(audio=track))
    assert len(run.video) == 10
    assert run.info.audio is None


def test_sound_of_a_file_is_there_from_the_first_picture():
    track, sound = sounds()
    (run,), _ = runs_of([replace(p, arrived_us=5) for p in by_arrival(pictures(), sound)], stream(audio=track), paced=False)
    assert run.info.audio is not None
    assert len(run.audio) == len(sound)


def test_data_of_a_picture_is_what_mp4_wants():
    packets = pictures(in_band=True)
    (run,), _ = runs_of(packets, stream(config=b""))
    assert [s.data for s in run.video] == [to_sample_data(p.data, Codec.H264) for p in packets]
