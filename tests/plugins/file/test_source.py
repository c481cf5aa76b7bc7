import contextlib
import threading
import time
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from guardian_file.config import FileConfig
from guardian_file.source import FileSource

from guardian.capture.normalise import NewRun, Normaliser
from guardian.media.fmp4_write import init_segment, media_fragment
from guardian.sdk import CameraUnreachable, Codec, EndOfSource, NotAVideo
from tests.support.rtsp import make_video

PEOPLE = Path(__file__).parents[4] / "shared" / "data" / "footage" / "people.mp4"
STOP = threading.Event()


def encode(path, *, codec="libx264", frames=30, fps=10, bframes=0, format=None, rate=None, faststart=False):
    """Encode grey pictures with a keyframe every ten."""
    with av.open(str(path), "w", format=format, options={"movflags": "faststart"} if faststart else {}) as out:
        options = {"preset": "ultrafast", "x264-params": f"keyint=10:scenecut=0:bframes={bframes}:b-adapt=0"}
        stream = out.add_stream(codec, rate=rate or fps, options=options if codec == "libx264" else {})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for n in range(frames):
            frame = av.VideoFrame(64, 64, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([n * 7 % 256]) * plane.buffer_size)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def opened(path, **settings):
    source = FileSource(FileConfig(path=path, **{"loop": False, "realtime": False, **settings}))
    return source, source.open(STOP)


def read_all(path, **settings):
    source, info = opened(path, **settings)
    packets = []
    with contextlib.suppress(EndOfSource):
        while True:
            packets.append(source.read(1.0))
    with pytest.raises(EndOfSource, match=str(path)):
        source.read(1.0)
    source.close()
    return info, packets


def normalised(info, packets):
    normaliser = Normaliser(info, paced=False)
    steps = [step for packet in packets for step in normaliser.push(packet)] + list(normaliser.flush())
    return steps, normaliser.dropped


@pytest.mark.parametrize("bframes", [0, 2])
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "h264"])
def test_played_once_it_gives_what_the_file_holds(tmp_path, suffix, bframes):
    info, packets = read_all(encode(tmp_path / f"v.{suffix}", bframes=bframes))
    assert len(packets) == 30
    assert info.video.codec is Codec.H264
    steps, dropped = normalised(info, packets)
    samples = [step for step in steps if not isinstance(step, NewRun)]
    assert (len(samples), dropped) == (30, 0)
    if suffix != "h264":
        shown = [sample.dts + sample.cts_offset for sample in samples]
        assert max(shown) - min(shown) == pytest.approx(29 * 9000, abs=100)


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_with_sound(tmp_path, codec):
    info, packets = read_all(make_video(tmp_path / "v.mp4", seconds=3, codec=codec, audio="aac"))
    assert sum(packet.kind == "video" for packet in packets) == 30
    assert sum(packet.kind == "audio" for packet in packets) > 40
    assert (info.audio.codec, info.audio.sample_rate, info.audio.channels) == (Codec.AAC, 16_000, 1)


def test_ticks_longer_than_one_are_counted(tmp_path):
    info, packets = read_all(encode(tmp_path / "v.avi", rate=Fraction(30_000, 1001)))
    assert (packets[-1].dts - packets[0].dts) / info.video.timescale == pytest.approx(29 * 1001 / 30_000, rel=0.01)


@pytest.mark.parametrize("audio", ["", "aac"])
@pytest.mark.parametrize("bframes", [0, 2])
def test_a_loop_has_no_seam(tmp_path, bframes, audio):
    path = tmp_path / "v.mp4"
    if audio:
        make_video(path, seconds=3, audio=audio)
    else:
        encode(path, bframes=bframes)
    source, info = opened(path, loop=True)
    packets, seen = [], 0
    while seen < 90:
        packets.append(source.read(1.0))
        seen += packets[-1].kind == "video"
    source.close()
    video = [packet for packet in packets if packet.kind == "video"]
    scale = info.video.timescale
    steps = {after.dts - before.dts for before, after in pairwise(video)}
    shown = sorted(packet.pts for packet in video)
    if audio:  # an encoder's sound begins a frame before the first picture and ends after the last one
        assert scale // 10 <= max(steps) <= scale // 4
        sound = [packet for packet in packets if packet.kind == "audio"]
        assert all(before.dts + before.duration <= after.dts + 1 for before, after in pairwise(sound))
    else:
        assert steps == {scale // 10}
        assert {after - before for before, after in pairwise(shown)} == {scale // 10}
    assert [packet.data for packet in video[30:60]] == [packet.data for packet in video[:30]]
    steps, dropped = normalised(info, packets)
    assert sum(isinstance(step, NewRun) for step in steps) == 1
    assert (sum(not isinstance(step, NewRun) and step.kind == "video" for step in steps), dropped) == (90, 0)
    assert min(step.cts_offset for step in steps if not isinstance(step, NewRun)) >= 0


def test_it_plays_at_its_own_pace(tmp_path):
    source, _ = opened(encode(tmp_path / "v.mp4", frames=20), realtime=True)
    assert source.paced
    began, came = time.monotonic(), []
    while len(came) < 20:
        if source.read(1.0) is not None:
            came.append(time.monotonic() - began)
    assert came[-1] == pytest.approx(1.9, rel=0.1)
    assert came[9] == pytest.approx(0.9, abs=0.1)


def test_waiting_for_a_picture_is_bounded(tmp_path):
    source, _ = opened(encode(tmp_path / "v.mp4", fps=1, frames=5), realtime=True)
    assert source.read(1.0) is not None
    began = time.monotonic()
    assert source.read(0.1) is None
    assert time.monotonic() - began < 0.3


def test_closing_ends_a_read_in_another_thread(tmp_path):
    source, _ = opened(encode(tmp_path / "v.mp4"), loop=True)
    faults = []

    def read():
        try:
            while True:
                source.read(1.0)
        except CameraUnreachable as error:
            faults.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    time.sleep(0.2)
    source.close()
    source.close()
    reader.join(2)
    assert not reader.is_alive()
    assert len(faults) == 1


def _bad(path, what):
    if what == "text":
        path.write_text("This is a shopping list.\nMilk, bread, and a camera.\n" * 50)
    elif what == "empty":
        path.touch()
    elif what == "folder":
        path.mkdir()
    elif what == "cut off":
        data = encode(path).read_bytes()
        path.write_bytes(data[: data.index(b"moov") - 4])
    elif what == "cut short":
        encode(path, frames=60, faststart=True)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif what == "noise":
        path.write_bytes(bytes(range(256)) * 200)
    elif what == "mpeg4":
        encode(path, codec="mpeg4")
    elif what == "sound alone":
        with av.open(str(path), "w") as out:
            stream = out.add_stream("aac", rate=16_000, layout="mono")
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate = 16_000
            out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("text", "is no video|holds"),
        ("empty", "the file is empty"),
        ("missing", "no such file"),
        ("folder", "a folder"),
        ("cut off", "was cut off"),
        ("cut short", "the file was cut off"),
        ("noise", "is no video"),
        ("mpeg4", "the file holds mpeg4"),
        ("sound alone", "the file holds no video"),
    ],
)
def test_what_is_no_video_is_said_with_its_path(tmp_path, what, said):
    path = _bad(tmp_path / "v.mp4", what)
    source = FileSource(FileConfig(path=path))
    with pytest.raises(NotAVideo, match=said) as raised:
        source.open(STOP)
    source.close()
    assert str(path) in raised.value.message
    assert raised.value.cure


def test_a_file_that_goes_while_it_loops(tmp_path):
    path = encode(tmp_path / "v.mp4")
    source, _ = opened(path, loop=True)
    path.unlink()
    for _ in range(30):
        assert source.read(1.0) is not None
    with pytest.raises(NotAVideo, match="no such file"):
        source.read(1.0)


def test_every_picture_of_a_long_file_comes_through():
    if not PEOPLE.exists():
        pytest.skip(f"{PEOPLE} is not here")
    info, packets = read_all(PEOPLE)
    steps, dropped = normalised(info, packets)
    run, *samples = steps
    assert isinstance(run, NewRun)
    assert (len(samples), dropped) == (1394, 0)
    assert min(sample.cts_offset for sample in samples) >= 0
    assert all(before.dts < after.dts for before, after in pairwise(samples))
    assert samples[-1].dts == pytest.approx(1393 * 9000, abs=10)
    init_segment(run.info)
    media_fragment(samples, 1, 0)
