import socket
import threading
import time

import pytest
from guardian_rtsp.config import RtspConfig
from guardian_rtsp.source import RtspSource
from pydantic import ValidationError

from guardian.sdk import CameraPathNotFound, CameraRefusedLogin, CameraStalled, CameraUnreachable, Codec, DeviceFault
from tests.support.rtsp import RtspServer, make_video, require_server

STOP = threading.Event()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    require_server()
    folder = tmp_path_factory.mktemp("video")
    h264 = make_video(folder / "h264.mp4", audio="aac")
    h265 = make_video(folder / "h265.mp4", codec="libx265", audio="aac")
    opus = make_video(folder / "opus.mp4", audio="libopus")
    paths = {"h264": f"{h264},h264,aac", "h265": f"{h265},h265,aac", "opus": f"{opus},h264,opus"}
    paths |= {"pcmu": f"{h264},h264,pcmu", "pcma": f"{h264},h264,pcma", "mute": f"{h264},h264"}
    running = RtspServer(paths).start()
    yield running
    running.kill()


def packets(config, n, stream="main"):
    source = RtspSource(config, stream)
    info = source.open(STOP)
    try:
        return info, [source.read(1.0) for _ in range(n)]
    finally:
        source.close()
        source.close()


@pytest.mark.parametrize(
    ("path", "video", "audio"),
    [
        ("h264", Codec.H264, Codec.AAC),
        ("h265", Codec.H265, Codec.AAC),
        ("opus", Codec.H264, Codec.OPUS),
        ("pcmu", Codec.H264, Codec.PCMU),
        ("pcma", Codec.H264, Codec.PCMA),
        ("mute", Codec.H264, None),
    ],
)
def test_pictures_and_sound_come_as_the_camera_sends_them(server, path, video, audio):
    info, came = packets(RtspConfig(url=server.url(path)), 80)
    assert (info.video.codec, info.audio and info.audio.codec) == (video, audio)
    kinds = {packet.kind for packet in came if packet}
    assert kinds == ({"video", "audio"} if audio else {"video"})
    times = [packet.dts for packet in came if packet and packet.kind == "video" and packet.dts is not None]
    assert times == sorted(times)
    assert any(packet.is_key for packet in came if packet and packet.kind == "video")


def test_udp_works_where_asked(server):
    info, came = packets(RtspConfig(url=server.url("mute"), transport="udp"), 8)
    assert info.video.codec is Codec.H264
    assert sum(1 for packet in came if packet) == 8


@pytest.mark.parametrize("kind", ["--digest", "--basic"])
def test_logins(tmp_path, kind):
    require_server()
    server = RtspServer({"x": f"{make_video(tmp_path / 'x.mp4', seconds=5)},h264"}, kind, "admin", "p@ss word").start()
    try:
        _, came = packets(RtspConfig(url=server.url("x"), username="admin", password="p@ss word"), 3)
        assert came[0] is not None
        for config in (
            RtspConfig(url=server.url("x"), username="admin", password="s3cret"),
            RtspConfig(url=server.url("x")),
            RtspConfig(url=server.url("x", "admin:s3cret")),
        ):
            with pytest.raises(CameraRefusedLogin) as raised:
                packets(config, 1)
            assert "s3cret" not in raised.value.message + raised.value.cure + repr(config)
    finally:
        server.kill()


def test_a_wrong_path_is_said(server):
    with pytest.raises(CameraPathNotFound, match="no such path"):
        packets(RtspConfig(url=server.url("nothing")), 1)


def test_a_refused_port_is_said():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(CameraUnreachable, match="refused"):
        packets(RtspConfig(url=f"rtsp://127.0.0.1:{port}/x"), 1)


def test_who_accepts_and_says_nothing_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(DeviceFault):
            packets(RtspConfig(url=f"rtsp://127.0.0.1:{silent.getsockname()[1]}/x", timeout_s=1), 1)
        assert time.monotonic() - began < 10


def test_a_camera_that_dies_and_one_that_hangs(tmp_path):
    require_server()
    server = RtspServer({"x": f"{make_video(tmp_path / 'x.mp4')},h264"}).start()
    try:
        source = RtspSource(RtspConfig(url=server.url("x"), timeout_s=1), "main")
        source.open(STOP)
        assert source.read(1.0) is not None
        server.hang()
        with pytest.raises((CameraStalled, CameraUnreachable)):  # noqa: PT012 - what came before the fault is read first
            for _ in range(500):
                source.read(1.0)
        server.go_on()
        source.close()
        source = RtspSource(RtspConfig(url=server.url("x")), "main")
        source.open(STOP)
        server.kill()
        with pytest.raises(CameraUnreachable, match="hung up"):  # noqa: PT012 - as above
            for _ in range(500):
                source.read(1.0)
        source.close()
    finally:
        server.kill()


@pytest.mark.parametrize(
    ("url", "field"),
    [
        ("", "empty"),
        ("http://h/x", "rtsp://"),
        ("rtsp:///x", "rtsp://"),
        ("192.0.2.7", "rtsp://"),
        ("rtsp://h:port/", "URL"),
        ("rtsp://me:a/b@h/x", "source.password"),
        ("rtsp://me:a?b@h/x", "source.password"),
        ("rtsp://me:a#b@h/x", "source.password"),
    ],
)
def test_what_is_no_rtsp_url_is_refused(url, field):
    with pytest.raises(ValidationError, match=field):
        RtspConfig(url=url)


def test_logins_are_percent_encoded_and_hidden():
    config = RtspConfig(url="rtsp://old:login@h:554/x", username="a b", password="p@:/")
    assert config.address("main") == "rtsp://a%20b:p%40%3A%2F@h:554/x"
    assert config.public_address("main") == "rtsp://h:554/x"
    assert "p@" not in repr(config)
    assert RtspConfig(url="rtsp://h/x?user=me&password=s3cret").public_address("main") == "rtsp://h/x"
