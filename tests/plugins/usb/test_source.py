import threading
from fractions import Fraction
from itertools import pairwise
from types import SimpleNamespace

import av
import numpy as np
import pytest
from guardian_usb import source as module
from guardian_usb.config import UsbConfig
from guardian_usb.devices import Device
from guardian_usb.source import UsbSource, encoded, make_encoder

from guardian.capture.normalise import NewRun, Normaliser
from guardian.sdk import CameraUnreachable, Codec, NotAVideo, StreamInfo, TrackInfo


def yuyv(n, width=320, height=240):
    """A picture as a cheap camera gives it: packed 4:2:2 with a bright bar that moves."""
    picture = np.full((height, width, 2), 128, np.uint8)
    picture[:, :, 0] = 60
    picture[:, n * 8 % (width - 32) :, 0][:, :32] = 220
    return av.VideoFrame.from_ndarray(picture, format="yuyv422")


def test_raw_pictures_become_h264_that_decodes():
    encoder = make_encoder(320, 240, 15, 1000)
    packets = [p for n in range(40) for p in encoded(encoder, yuyv(n), n * 66_667, 5_000_000 + n * 66_667)]
    assert len(packets) == 40
    assert [n for n, packet in enumerate(packets) if packet.is_key] == [0, 30]
    assert {after.dts - before.dts for before, after in pairwise(packets)} == {66_667}
    assert all(packet.pts == packet.dts for packet in packets)
    info = StreamInfo(TrackInfo("video", Codec.H264, 1_000_000, bytes(encoder.extradata), 320, 240))
    normaliser = Normaliser(info)
    run, *samples = [step for packet in packets for step in normaliser.push(packet)]
    assert isinstance(run, NewRun)
    assert len(samples) == 40
    decoder = av.CodecContext.create("h264", "r")
    decoder.extradata = info.video.config
    pictures = [f for p in packets for f in decoder.decode(av.Packet(p.data))] + decoder.decode(None)
    assert len(pictures) == 40
    shown = pictures[5].to_ndarray(format="gray")
    assert shown[120, 56].astype(int) - shown[120, 20] > 100


def test_an_odd_size_is_made_even():
    encoder = make_encoder(320, 240, 15, 1000)
    frame = av.VideoFrame.from_ndarray(np.zeros((241, 321, 3), np.uint8), format="rgb24")
    (packet,) = encoded(encoder, frame, 0, 0)
    assert packet.is_key


class Camera:
    """What `av.open` gives of a camera: MJPEG or H.264 packets, then the camera is unplugged."""

    def __init__(self, packets, name, size=(320, 240)):
        context = SimpleNamespace(name=name, width=size[0], height=size[1], extradata=None)
        self.streams = SimpleNamespace(video=[SimpleNamespace(codec_context=context)])
        self._packets, self.closed = packets, 0

    def demux(self, stream):
        yield from self._packets
        raise av.error.OSError(19, "No such device")

    def close(self):
        self.closed += 1


def mjpeg(n):
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 320, 240, "yuvj420p", Fraction(1, 15)
    return [bytes(p) for k in range(n) for p in encoder.encode(yuyv(k).reformat(format="yuvj420p"))]


class Jpeg:
    """A packet of an MJPEG camera."""

    decoder = None

    def __init__(self, data):
        self.data, self.size = data, len(data)

    def decode(self):
        return av.CodecContext.create("mjpeg", "r").decode(av.Packet(self.data))


def opened(monkeypatch, camera):
    monkeypatch.setattr(module, "wait_for", lambda wanted, stop, within_s: Device("/dev/video0", wanted, "Camera"))
    calls = []

    def fake_open(node, format, options):
        calls.append(options.get("input_format", ""))
        if isinstance(camera, Exception):
            raise camera
        return camera

    monkeypatch.setattr(module.av, "open", fake_open)
    return UsbSource(UsbConfig(device="one")), calls


def test_an_mjpeg_camera_and_its_half_picture_at_the_beginning(monkeypatch):
    pictures = mjpeg(12)
    camera = Camera([Jpeg(b"\xff\xd8garbage"), *map(Jpeg, pictures)], "mjpeg")
    source, calls = opened(monkeypatch, camera)
    info = source.open(threading.Event())
    assert calls == ["h264"]
    assert (info.video.codec, info.video.width, info.video.height) == (Codec.H264, 320, 240)
    assert source.read(1.0) is None
    packets = [source.read(1.0) for _ in range(12)]
    assert packets[0].is_key
    assert all(before.dts < after.dts for before, after in pairwise(packets))
    with pytest.raises(CameraUnreachable, match="unplugged"):
        source.read(1.0)
    source.close()
    source.close()
    assert camera.closed == 1


def test_h264_of_a_camera_is_taken_as_it_is(monkeypatch):
    class Unit(bytes):
        is_keyframe = True

        @property
        def size(self):
            return len(self)

    source, _ = opened(monkeypatch, Camera([Unit(b"\0\0\0\1\x65abc")], "h264"))
    assert source.open(threading.Event()).video.config == b""
    packet = source.read(1.0)
    assert (packet.data, packet.is_key) == (b"\0\0\0\1\x65abc", True)


def test_closing_from_another_thread_waits_for_the_read(monkeypatch):
    reading, go_on = threading.Event(), threading.Event()

    class Slow(Camera):
        def demux(self, stream):
            reading.set()
            go_on.wait(5)
            assert not self.closed
            yield from ()

    camera = Slow([], "h264")
    source, _ = opened(monkeypatch, camera)
    source.open(threading.Event())
    faults = []

    def read():
        try:
            source.read(1.0)
        except CameraUnreachable as error:
            faults.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    assert reading.wait(2)
    source.close()
    assert camera.closed == 0
    go_on.set()
    reader.join(2)
    assert (camera.closed, len(faults)) == (1, 1)


def test_a_camera_that_may_not_be_opened(monkeypatch):
    source, calls = opened(monkeypatch, PermissionError(13, "no"))
    with pytest.raises(CameraUnreachable, match="may not be opened") as raised:
        source.open(threading.Event())
    assert "group `video`" in raised.value.cure
    assert calls == ["h264"]


def test_a_camera_that_is_in_use_is_asked_in_every_form(monkeypatch):
    source, calls = opened(monkeypatch, OSError(16, "busy"))
    with pytest.raises(NotAVideo, match="cannot be opened"):
        source.open(threading.Event())
    assert calls == ["h264", "mjpeg", ""]


def test_a_camera_that_is_not_plugged_in(monkeypatch):
    monkeypatch.setattr(module, "wait_for", lambda wanted, stop, within_s: None)
    with pytest.raises(CameraUnreachable, match="no such camera"):
        UsbSource(UsbConfig(device="one")).open(threading.Event())
