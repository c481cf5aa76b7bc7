"""What is written is read back: by our reader, by FFmpeg's demuxer through PyAV, and by ffprobe."""

import io
import json
import shutil
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardian.media import fmp4_read as read
from guardian.media import fmp4_write as write
from guardian.model.errors import Damaged
from guardian.model.media import Codec, Sample, StreamInfo, TrackInfo
from tests.support.footage import stream, video

PAIRS = [(Codec.H264, Codec.AAC), (Codec.H264, Codec.OPUS), (Codec.H265, Codec.AAC), (Codec.H265, None), (Codec.H264, None)]


def fragments(info: StreamInfo, samples: list[Sample]) -> list[bytes]:
    """One fragment a GOP, sound where it stands."""
    groups: list[list[Sample]] = []
    for sample in samples:
        if (sample.kind == "video" and sample.is_key) or not groups:
            groups.append([])
        groups[-1].append(sample)
    rate = write.audio_timescale(info.audio) if info.audio is not None else 0
    return [write.media_fragment(group, number, rate) for number, group in enumerate(groups, 1)]


@pytest.mark.parametrize("bframes", [0, 2])
@pytest.mark.parametrize(("codec", "audio"), PAIRS)
def test_frames_times_and_bytes_survive(codec: Codec, audio: Codec | None, bframes: int) -> None:
    info, samples = stream(video(codec, bframes=bframes), audio)
    with av.open(io.BytesIO(write.init_segment(info) + b"".join(fragments(info, samples)))) as container:
        packets = [packet for packet in container.demux() if packet.dts is not None]
        streams = {stream.type: stream for stream in container.streams}
        assert {kind: one.time_base.denominator for kind, one in streams.items()} == (
            {"video": 90_000, "audio": 48_000} if audio else {"video": 90_000}
        )
        types = {stream.index: kind for kind, stream in streams.items()}
    for kind in ("video", "audio"):
        sent = [(s.dts, s.dts + s.cts_offset, s.data) for s in samples if s.kind == kind]
        assert [(p.dts, p.pts, bytes(p)) for p in packets if types[p.stream_index] == kind] == sent
    keys = [s.is_key for s in samples if s.kind == "video"]
    assert [p.is_keyframe for p in packets if types[p.stream_index] == "video"] == keys


@pytest.mark.parametrize(("codec", "audio"), PAIRS)
def test_every_picture_and_all_sound_decodes(codec: Codec, audio: Codec | None) -> None:
    info, samples = stream(video(codec, bframes=2), audio)
    data = write.init_segment(info) + b"".join(fragments(info, samples))
    with av.open(io.BytesIO(data)) as container:
        pictures = list(container.decode(video=0))
    assert len(pictures) == 60
    assert (pictures[0].width, pictures[0].height) == (162, 98)
    assert [p.pts for p in pictures] == sorted(s.dts + s.cts_offset for s in samples if s.kind == "video")
    if audio is not None:
        with av.open(io.BytesIO(data)) as container:
            assert sum(frame.samples for frame in container.decode(audio=0)) >= 3.9 * 48_000


@pytest.mark.parametrize(("codec", "audio"), PAIRS)
def test_ffmpeg_finds_no_error(codec: Codec, audio: Codec | None, tmp_path: Path) -> None:
    if shutil.which("ffprobe") is None:
        pytest.skip("ffprobe is not installed")
    info, samples = stream(video(codec, bframes=2), audio)
    path = tmp_path / "clip.mp4"
    path.write_bytes(write.init_segment(info) + b"".join(fragments(info, samples)))
    check = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", path, "-f", "null", "-"], capture_output=True, text=True, check=True
    )
    assert check.stderr == ""
    entries = "stream=codec_type,codec_tag_string,nb_read_frames,width,height,channels,sample_rate"
    told = subprocess.run(
        ["ffprobe", "-v", "warning", "-count_frames", "-show_entries", entries, "-of", "json", path],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stderr == ""
    picture, *sound = json.loads(told.stdout)["streams"]
    assert picture["nb_read_frames"] == "60"
    assert picture["codec_tag_string"] == ("hvc1" if codec is Codec.H265 else "avc1")
    assert (picture["width"], picture["height"]) == (162, 98)
    if audio is not None:
        assert sound[0]["codec_tag_string"] == ("Opus" if audio is Codec.OPUS else "mp4a")
        assert (sound[0]["channels"], sound[0]["sample_rate"]) == (1, "48000")


def test_negative_composition_offsets_survive() -> None:
    info, samples = stream(video(bframes=2))
    early = [replace(s, cts_offset=s.cts_offset - 12_000) for s in samples]
    with av.open(io.BytesIO(write.init_segment(info) + b"".join(fragments(info, early)))) as container:
        came = [p.pts for p in container.demux() if p.pts is not None]
    lag = came[0]  # FFmpeg moves all of them by the most negative offset
    assert lag == -min(s.cts_offset for s in early)
    assert [pts - lag for pts in came] == [s.dts + s.cts_offset for s in early]
    assert read.samples(fragments(info, early)[0])[0].cts_offset == 0
    assert min(s.cts_offset for f in fragments(info, early) for s in read.samples(f)) < 0


def test_our_reader_returns_what_was_written() -> None:
    info, samples = stream(video(bframes=2), Codec.AAC)
    back = [s for f in fragments(info, samples) for s in read.samples(f)]
    for kind in ("video", "audio"):
        assert [(s.dts, s.cts_offset, s.data, s.is_key) for s in back if s.kind == kind] == [
            (s.dts, s.cts_offset, s.data, s.is_key) for s in samples if s.kind == kind
        ]


def test_fragment_info_and_timescales() -> None:
    info, samples = stream(video(), Codec.AAC, rate=16_000)
    second = fragments(info, samples)[1]
    told = read.fragment_info(second)
    assert told.sequence == 2
    assert told.tracks[1] == read.TrackRun(1, 90_000, 90_000, 15, True)
    assert told.tracks[2].first_dts >= 16_000
    assert read.timescales(write.init_segment(info)) == {1: 90_000, 2: 16_000}


def test_shifting_moves_times_and_nothing_else() -> None:
    info, samples = stream(video(), Codec.AAC)
    fragment = fragments(info, samples)[2]
    shifts = read.zero_based(read.fragment_info(fragment), 48_000)
    assert shifts == {1: -180_000, 2: -96_000}
    moved = read.fragment_info(read.shift_decode_times(fragment, shifts))
    assert moved.tracks[1].first_dts == 0
    assert 0 <= moved.tracks[2].first_dts < 1024
    assert [s.data for s in read.samples(read.shift_decode_times(fragment, shifts))] == [
        s.data for s in read.samples(fragment)
    ]
    assert read.shift_decode_times(fragment, {}) == fragment
    assert read.fragment_info(read.shift_decode_times(fragment, {1: -(1 << 40)})).tracks[1].first_dts == 0
    with pytest.raises(Damaged, match="does not fit"):
        read.shift_decode_times(fragment, {1: 1 << 64})


def test_a_clip_whose_sound_came_late_keeps_step() -> None:
    picture = Sample("video", b"\0\0\0\1e", 90_000, 0, 3000, True, 0)
    sound = Sample("audio", b"s", 44_800, 0, 1024, True, 0)  # 66.7 ms before the picture
    first = read.fragment_info(write.media_fragment([picture, sound], 1, 48_000))
    assert read.zero_based(first, 48_000) == {1: -84_000, 2: -44_800}


def test_unknown_durations_are_taken_from_the_neighbours() -> None:
    one = Sample("video", b"\0\0\0\1e", 10, 0, 0, True, 0)
    assert read.fragment_info(write.media_fragment([one], 1, 0)).tracks[1].duration == 3600
    two = [one, replace(one, dts=7010)]
    assert read.fragment_info(write.media_fragment(two, 1, 0)).tracks[1].duration == 14_000
    gap = [replace(one, kind="audio", duration=100), replace(one, kind="audio", dts=5010, duration=100)]
    assert [s.duration for s in read.samples(write.media_fragment(gap, 1, 8000))] == [5000, 100]


@pytest.mark.parametrize("times", [(-1, 5), (5, 3)])
def test_times_that_do_not_rise_are_refused(times: tuple[int, int]) -> None:
    run = [Sample("video", b"x", dts, 0, 1, True, 0) for dts in times]
    with pytest.raises(Damaged, match="out of order"):
        write.media_fragment(run, 1, 0)


def test_a_time_that_does_not_fit_is_refused() -> None:
    with pytest.raises(Damaged, match="does not fit"):
        write.media_fragment([Sample("video", b"x", 0, 1 << 40, 1, True, 0)], 1, 0)


def test_codecs_and_what_mp4_cannot_carry() -> None:
    info, _ = stream(video(), Codec.AAC)
    assert write.codecs_string(info) == "avc1.42C00A,mp4a.40.2"
    phone = replace(info, audio=TrackInfo("audio", Codec.PCMA, 8000, sample_rate=8000, channels=1))
    assert write.codecs_string(phone) == "avc1.42C00A"
    assert read.timescales(write.init_segment(phone)) == {1: 90_000}


def test_sizes_come_from_the_parameter_sets() -> None:
    info, _ = stream(video(Codec.H265))
    filled = write.with_size(replace(info, video=replace(info.video, width=0, height=0)))
    assert (filled.video.width, filled.video.height) == (162, 98)


def test_sound_without_configuration() -> None:
    info, samples = stream(video(), Codec.AAC)
    assert info.audio is not None
    bare = replace(info, audio=replace(info.audio, config=b""))
    with av.open(io.BytesIO(write.init_segment(bare) + b"".join(fragments(bare, samples)))) as container:
        assert len(list(container.decode(audio=0))) > 180
    assert write.audio_timescale(TrackInfo("audio", Codec.AAC, 90_000, b"\x14\x08")) == 16_000
    assert write.audio_timescale(TrackInfo("audio", Codec.OPUS, 90_000, sample_rate=16_000)) == 48_000
    with pytest.raises(Damaged):
        write.init_segment(replace(info, audio=TrackInfo("audio", Codec.AAC, 1, sample_rate=12_345)))
    opus = replace(info, audio=TrackInfo("audio", Codec.OPUS, 48_000, channels=2))
    assert b"dOps" in write.init_segment(opus)


def test_no_parameter_sets_no_init() -> None:
    with pytest.raises(Damaged):
        write.init_segment(StreamInfo(TrackInfo("video", Codec.H264, 90_000)))


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0\0\x09moof",
        b"\0\0\0\x04moof",
        b"\0\0\0\0moof",
        struct.pack(">I4sQ", 1, b"moof", 4) + bytes(8),
        struct.pack(">I4sQ", 1, b"moof", 1 << 62),
        box(b"moof", b"\0\0\0\1"),
        box(b"moof", box(b"mfhd", b"\0")),
        box(b"moof", box(b"mfhd", bytes(8)) + box(b"traf", b"")),
        box(b"moof", box(b"mfhd", bytes(8)) + box(b"traf", box(b"tfhd", bytes(8)) + box(b"tfdt", bytes(4)))),
        box(
            b"moof",
            box(b"mfhd", bytes(8))
            + box(
                b"traf", box(b"tfhd", bytes(8)) + box(b"tfdt", bytes(8)) + box(b"trun", struct.pack(">II", 0, 0xFFFF_FFFF))
            ),
        ),
        box(
            b"moof",
            box(b"mfhd", bytes(8))
            + box(
                b"traf",
                box(b"tfhd", bytes(8)) + box(b"tfdt", bytes(8)) + box(b"trun", struct.pack(">IIiI", 0x201, 1, 0, 0xFFFFFF)),
            ),
        ),
    ],
)
def test_hostile_boxes_end_in_damaged(data: bytes) -> None:
    with pytest.raises(Damaged) as caught:
        read.fragment_info(data)
    assert caught.value.cure


@settings(max_examples=300)
@given(st.data())
def test_a_fragment_with_altered_bytes_ends_in_a_value_or_in_damaged(data: st.DataObject) -> None:
    info, samples = stream(video(), Codec.AAC)
    whole = bytearray(fragments(info, samples)[0])
    tables = int.from_bytes(whole[:4], "big")
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, tables))] = data.draw(st.integers(0, 255))
    altered = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    for reader in (read.fragment_info, read.samples, lambda f: read.shift_decode_times(f, {1: 5})):
        try:
            reader(altered)
        except Damaged:
            pass


@pytest.mark.parametrize("data", [b"\0\0\0\4\0\0\0\4\0\0\0\0\0\0\0\0", struct.pack(">I4sQ", 1, b"moof", 0)])
def test_a_box_smaller_than_its_header_is_damaged(data: bytes) -> None:
    boxes = read.boxes(data)
    with pytest.raises(Damaged):
        next(boxes)


def test_init_without_tracks_is_damaged() -> None:
    with pytest.raises(Damaged):
        read.timescales(b"")
    with pytest.raises(Damaged):
        read.timescales(box(b"moov", box(b"trak", b"")))
