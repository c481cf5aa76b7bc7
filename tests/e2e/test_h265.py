"""H.265 with AAC from a real RTSP server: a browser that cannot play it gets something it can and is told; the original stays."""

import json
import subprocess
from pathlib import Path

import pytest

from guardian.model.time import from_rfc3339, to_rfc3339
from guardian.services.demo import CLIP
from tests.support.browser import browser, log_in, playing
from tests.support.house import ALL, camera, command, running, set_up
from tests.support.program import wait_for
from tests.support.rtsp import RtspServer, require_server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]
FOOTAGE = Path(__file__).parents[3] / "shared" / "data" / "footage" / "people.mp4"
FPS, SECONDS = 10, 26


def ffmpeg(*arguments):
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], check=True, timeout=120)


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """Guardian with two H.265 cameras, one of which has an H.264 sub stream."""
    require_server()
    folder = tmp_path_factory.mktemp("h265")
    main, sub = folder / "main.mp4", folder / "sub.mp4"
    source = FOOTAGE if FOOTAGE.exists() else CLIP
    x265 = f"keyint={FPS}:min-keyint={FPS}:scenecut=0:bframes=0:log-level=none"
    inputs = ("-stream_loop", "-1", "-i", source, "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=16000")
    common = ("-map", "0:v", "-map", "1:a", "-t", SECONDS, "-r", FPS, "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "32k")
    ffmpeg(*inputs, *common, "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", x265, "-tag:v", "hvc1", main)
    small = ("-vf", "scale=320:180", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", FPS)
    ffmpeg("-i", main, *small, "-c:a", "copy", sub)
    server = RtspServer({"main": f"{main},h265,aac", "sub": f"{sub},h264,aac"}).start()
    set_up(
        folder / "data",
        camera("both", "rtsp", {"url": server.url("main"), "sub_url": server.url("sub")})
        + camera("alone", "rtsp", {"url": server.url("main")}),
    )
    try:
        with running(folder / "data") as program:
            for name in ("both", "alone"):
                wait_for(lambda name=name: program.camera(name)["recording"], 20, f"recording of {name}")
            program.footage = (folder / "data", main)
            yield program
    finally:
        server.kill()


@pytest.fixture(scope="module")
def page(program):
    with browser(viewport={"width": 1280, "height": 800}) as page:
        log_in(page, program.url, program.first_line["user"], program.first_line["password"])
        if page.evaluate("MediaSource.isTypeSupported('video/mp4; codecs=\"hvc1.1.6.L120.B0\"')"):
            pytest.skip("this Chromium plays H.265")
        yield page


def spans(program, name):
    found = program.get(f"/api/v1/cameras/{name}/recordings?{ALL}")["items"]
    return [(from_rfc3339(span["start"]), from_rfc3339(span["end"])) for span in found]


def test_both_streams_are_known_and_only_the_main_one_is_recorded(program):
    both = wait_for(lambda: (lambda c: c if len(c["streams"]) == 2 else None)(program.camera("both")), 15, "both streams")
    shape = {one["stream"]: (one["codec"], one["audio"]) for one in both["streams"]}
    assert shape == {"main": ("h265", "aac"), "sub": ("h264", "aac")}
    recorded = wait_for(lambda: program.get(f"/api/v1/cameras/both/recordings?{ALL}")["items"], 15, "footage")
    assert {one["stream"] for one in recorded} == {"main"}
    assert all(one["codecs"].startswith(("hvc1", "hev1")) and "mp4a" in one["codecs"] for one in recorded)


def test_a_browser_without_h265_gets_the_sub_stream_and_is_told(program, page):
    page.goto(f"{program.url}/cameras/both")
    state = wait_for(lambda: playing(page, "video"), 25, "live video")
    assert state["width"] == 320
    note = page.locator("[data-note]")
    assert note.is_visible()
    assert "H.265" in note.inner_text()
    assert "sub stream" in note.inner_text()
    assert page.problems == []


def test_without_a_sub_stream_it_gets_a_transcode_and_is_told(program, page):
    page.goto(f"{program.url}/cameras/alone")
    state = wait_for(lambda: playing(page, "video"), 30, "live video")
    assert state["width"] > 320
    note = page.locator("[data-note]")
    assert note.is_visible()
    assert "H.265" in note.inner_text()
    assert "H.264" in note.inner_text()
    page.goto(program.url + "/")
    wait_for(lambda: playing(page, ".tile[data-camera='alone'] video"), 30, "its tile")
    assert "H.264" in page.locator(".tile[data-camera='alone'] [data-note]").inner_text()
    assert page.problems == []


def test_recorded_footage_plays_and_the_page_says_it_is_converted(program, page):
    start, end = wait_for(lambda: (lambda s: s[0] if s and s[0][1] - s[0][0] > 12e6 else None)(spans(program, "both")), 25)
    page.goto(f"{program.url}/cameras/both?at={to_rfc3339(start + 2_000_000)}")
    wait_for(lambda: playing(page, "video"), 30, "recorded footage")
    wait_for(lambda: page.locator("[data-note]").is_visible(), 5, "a note")
    assert "H.265" in page.locator("[data-note]").inner_text()
    span = f"start={to_rfc3339(start)}&end={to_rfc3339(min(end, start + 5_000_000))}"
    clip = f"/api/v1/cameras/both/clip.mp4?{span}&as=h264"
    page.evaluate("(url) => { document.body.innerHTML = '<video id=clip muted></video>'; clip.src = url; }", clip)
    wait_for(lambda: playing(page, "#clip"), 30, "the clip")
    assert page.problems == []


def test_the_original_is_exported_with_every_frame_and_its_sound(program, tmp_path):
    data, original = program.footage
    _, end = wait_for(
        lambda: (lambda s: s[0] if s and s[0][1] - s[0][0] > (SECONDS - 2) * 1e6 else None)(spans(program, "alone")), 60
    )
    start = spans(program, "alone")[0][0]
    target = tmp_path / "original.mp4"
    times = ("--start", to_rfc3339(start), "--end", to_rfc3339(end))
    made = command(
        "export", "alone", *times, "-o", str(target), "--data", str(data), "--passphrase-file", str(data / "passphrase")
    )
    assert made["size_bytes"] == target.stat().st_size
    packets, codecs = probed(target)
    sent, _ = probed(original)
    assert codecs == {"video": "hevc", "audio": "aac"}
    count = len(packets["video"])
    assert count >= (SECONDS - 3) * FPS
    assert packets["video"] == sent["video"][:count]  # byte for byte, in order, from the first
    heard = [size for size in packets["audio"] if size in sent["audio"]]
    assert len(heard) >= 0.95 * count / FPS * 16_000 / 1024
    decoded = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(target), "-f", "null", "-"], capture_output=True, text=True, check=False
    )
    assert (decoded.returncode, decoded.stderr) == (0, "")


def probed(path):
    """Return each stream's packet hashes, and the codecs."""
    argv = ["ffprobe", "-v", "error", "-show_packets", "-show_data_hash", "sha256", "-show_entries"]
    argv += ["packet=codec_type,data_hash:stream=codec_type,codec_name", "-of", "json", str(path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    said = json.loads(done.stdout)
    packets = {"video": [], "audio": []}
    for packet in said["packets"]:
        packets[packet["codec_type"]].append(packet["data_hash"])
    return packets, {stream["codec_type"]: stream["codec_name"] for stream in said["streams"]}
