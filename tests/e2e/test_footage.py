"""Real footage through the whole program, as a file and from a real RTSP server in H.264 and in H.265 with sound:
six visits are six events, nothing is lost, every moment plays."""

import json
import random
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from guardian.model.time import from_rfc3339, to_rfc3339
from tests.support.browser import browser, log_in, playing
from tests.support.house import ALL, command, running, set_up
from tests.support.program import wait_for
from tests.support.rtsp import RtspServer, require_server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420)]
FOOTAGE = Path(__file__).parents[3] / "shared" / "data" / "footage"
FRAMES, SECONDS = 1394, 139.4
CAMERAS = ("file", "h264", "h265")


@pytest.fixture(scope="module")
def truth():
    if not (FOOTAGE / "people.mp4").exists():
        pytest.skip("shared footage is not here")
    return json.loads((FOOTAGE / "people.truth.json").read_text())


@pytest.fixture(scope="module")
def played(tmp_path_factory, truth):
    """Guardian, after the footage has run once through every camera; the servers are gone by then."""
    require_server()
    folder = tmp_path_factory.mktemp("footage")
    with_sound = folder / "h265.mp4"
    argv = ["ffmpeg", "-v", "error", "-i", FOOTAGE / "people.mp4"]
    argv += ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=16000", "-shortest"]
    argv += ["-c:v", "libx265", "-preset", "ultrafast", "-crf", "22", "-x265-params", "bframes=0:keyint=20:log-level=none"]
    argv += ["-tag:v", "hvc1", "-c:a", "aac", "-b:a", "32k", with_sound]
    subprocess.run(argv, check=True)
    server = RtspServer({"h264": str(FOOTAGE / "people.mp4"), "h265": f"{with_sound},h265,aac"}).start()
    set_up(
        folder / "data",
        f'[cameras.file]\nkind = "file"\nsource = {{ path = "{FOOTAGE / "people.mp4"}", loop = false }}\n'
        f'[cameras.h264]\nkind = "rtsp"\nsource = {{ url = "{server.url("h264")}" }}\n'
        f'[cameras.h265]\nkind = "rtsp"\nsource = {{ url = "{server.url("h265")}" }}\n',
    )
    try:
        with running(folder / "data") as program:
            starts = [wait_for(lambda c=camera: spans(program, c), 30, f"footage of {camera}")[0][0] for camera in CAMERAS]
            time.sleep(max(0.0, max(starts) / 1e6 + SECONDS + 1.5 - time.time()))
            server.kill()
            wait_for(lambda: all(not program.camera(camera)["recording"] for camera in CAMERAS), 20, "the end of all")
            wait_for(
                lambda: all(event["end"] for event in program.get(f"/api/v1/events?limit=100&{ALL}")["items"]), 20, "ends"
            )
            yield program
    finally:
        server.kill()


def spans(program, camera):
    found = program.get(f"/api/v1/cameras/{camera}/recordings?{ALL}")["items"]
    return [(from_rfc3339(span["start"]), from_rfc3339(span["end"])) for span in found]


def probed(path, *fields):
    argv = [
        "ffprobe",
        "-v",
        "error",
        "-count_packets",
        "-show_entries",
        f"stream={','.join(fields)}",
        "-of",
        "json",
        str(path),
    ]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["streams"], done.stderr


def export(program, camera, start_us, end_us, target):
    wish = {"camera": camera, "start": to_rfc3339(start_us), "end": to_rfc3339(end_us)}
    status, body = program.request("/api/v1/exports", method="POST", body=wish)
    assert status == 202, body
    job = json.loads(body)["id"]
    done = wait_for(
        lambda: (lambda e: e if e["state"] in ("done", "failed") else None)(program.get(f"/api/v1/exports/{job}")),
        60,
        "the export",
    )
    assert done["state"] == "done", done
    status, body = program.request(f"/api/v1/exports/{job}/file.mp4")
    assert status == 200
    target.write_bytes(body)


@pytest.mark.parametrize("camera", CAMERAS)
def test_six_visits_are_six_events(played, truth, camera):
    begin = spans(played, camera)[0][0]
    events = played.get(f"/api/v1/events?camera={camera}&limit=100&{ALL}")["items"]
    visits = sorted(
        ((from_rfc3339(e["start"]) - begin) / 1e6, (from_rfc3339(e["end"]) - begin) / 1e6, e["label"]) for e in events
    )
    assert [label for *_, label in visits] == ["person"] * 6, visits
    for (begins, ends, _), (true_begin, true_end) in zip(visits, truth["visits"], strict=True):
        assert abs(begins - true_begin) <= truth["tolerance_s"], visits
        assert abs(ends - true_end) <= truth["tolerance_s"], visits


@pytest.mark.parametrize("camera", CAMERAS)
def test_everything_was_recorded_and_the_export_has_every_frame(played, camera, tmp_path):
    if shutil.which("ffprobe") is None:
        pytest.skip("ffprobe is not installed")
    found = spans(played, camera)
    assert sum(end - start for start, end in found) / 1e6 >= 0.995 * SECONDS, found
    export(played, camera, found[0][0], found[-1][1], tmp_path / "export.mp4")
    streams, faults = probed(tmp_path / "export.mp4", "codec_type", "codec_name", "nb_read_packets")
    codecs = {stream["codec_type"]: stream["codec_name"] for stream in streams}
    assert codecs == ({"video": "hevc", "audio": "aac"} if camera == "h265" else {"video": "h264"})
    assert int(next(one for one in streams if one["codec_type"] == "video")["nb_read_packets"]) == FRAMES
    decoded = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(tmp_path / "export.mp4"), "-f", "null", "-"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (faults + decoded.stderr).strip() == ""


def is_told_of_transcoding(page):
    told = page.inner_text(".watch").lower()
    return "transcoded" in told or "h.264" in told


def test_any_moment_plays_in_a_browser_and_it_says_when_it_is_transcoded(played):
    chosen = random.Random(7)
    with browser(viewport={"width": 1280, "height": 800}) as page:
        log_in(page, played.url, played.first_line["user"], played.first_line["password"])
        for camera, count in (("h264", 6), ("h265", 4)):
            begin = spans(played, camera)[0][0]
            for _ in range(count):
                at = begin + int(chosen.uniform(1, SECONDS - 4) * 1e6)
                page.goto(f"{played.url}/cameras/{camera}?at={to_rfc3339(at)}")
                wait_for(lambda: playing(page, "video"), 25, f"{camera} at {(at - begin) / 1e6:.1f} s")
                if camera == "h265":
                    wait_for(lambda: is_told_of_transcoding(page), 10, "the page's word on transcoding")
                else:
                    assert not is_told_of_transcoding(page)
        assert page.problems == []


def test_the_index_agrees_with_the_files(played):
    assert command("index", "check", "--data", str(played.first_line["data"]))["ok"] is True
