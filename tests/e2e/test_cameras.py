"""Cameras that fail, go and come back: what their owner is told, and that nothing is lost that could be kept."""

import html
import json
import socket
import subprocess
import time

import pytest

from guardian.model.time import from_rfc3339
from tests.support.browser import browser, log_in
from tests.support.house import ALL, camera, command, running, set_up
from tests.support.program import wait_for
from tests.support.rtsp import RtspServer, make_video, require_server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]
SECRET = "s3cret-of-a-camera"
OUTAGE_S = 20.0

FAULTS = {  # camera: code, words of its message
    "wrong_password": ("login_refused", "the camera refused the login"),
    "wrong_path": ("path_not_found", "the camera knows no such path"),
    "refused_port": ("unreachable", "nothing listens there"),
    "text_file": ("not_a_video", "the file is no video"),
    "empty_file": ("not_a_video", "the file is empty"),
    "truncated": ("not_a_video", "cut off"),
    "missing_file": ("not_a_video", "there is no such file"),
}
DRAWN = """() => {
  const canvas = document.querySelector('[data-timeline]'), ratio = devicePixelRatio || 1;
  const row = canvas.getContext('2d').getImageData(0, Math.round((32 + (canvas.clientHeight - 58) / 2) * ratio), canvas.width, 1).data;
  const at = (x) => row.slice(x * 4, x * 4 + 4).join();
  const now = Math.round(canvas.width * 0.72) - 4, runs = [];
  for (let x = 0; x < now; x += 1)
    if (at(x) === at(now)) { if (x && at(x - 1) === at(now)) runs.at(-1)[1] = x + 1; else runs.push([x, x + 1]); }
  return runs.map((run) => run.map((x) => x / ratio * 3600 / canvas.clientWidth));
}"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Footage, two RTSP servers, and one Guardian with every camera of this file."""
    require_server()
    folder = tmp_path_factory.mktemp("cameras")
    video = make_video(folder / "yard.mp4", seconds=60)
    (folder / "text.mp4").write_text("This is no video.\n" * 40)
    (folder / "empty.mp4").touch()
    (folder / "cut.mp4").write_bytes(video.read_bytes()[:5000])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = free.getsockname()[1]
    locked = RtspServer({"yard": str(video)}, "--digest", "owner", "another").start()
    yard = RtspServer({"yard": str(video)}).start()
    config = "".join(
        [
            camera("wrong_password", "rtsp", {"url": locked.url("yard"), "username": "owner", "password": SECRET}),
            camera("wrong_path", "rtsp", {"url": yard.url("garage")}),
            camera("refused_port", "rtsp", {"url": f"rtsp://127.0.0.1:{nobody}/yard"}),
            camera("text_file", "file", {"path": str(folder / "text.mp4")}),
            camera("empty_file", "file", {"path": str(folder / "empty.mp4")}),
            camera("truncated", "file", {"path": str(folder / "cut.mp4")}),
            camera("missing_file", "file", {"path": str(folder / "later.mp4")}),
            camera("outage", "rtsp", {"url": yard.url("yard")}),
        ]
    )
    set_up(folder / "data", config)
    late = RtspServer({"yard": str(video)})
    late.port = nobody
    try:
        with running(folder / "data") as program:
            yield folder, program, yard, late
    finally:
        for server in (locked, yard, late):
            server.kill()


def spans(program, name):
    found = program.get(f"/api/v1/cameras/{name}/recordings?{ALL}")["items"]
    return [(from_rfc3339(span["start"]) / 1e6, from_rfc3339(span["end"]) / 1e6) for span in found]


def settled(program, name):
    state = program.camera(name)
    return state if state["state"] in ("retrying", "failed") and state["problem"] else None


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_has_one_clear_message_in_the_api_and_on_the_pages(place, name):
    _, program, *_ = place
    code, words = FAULTS[name]
    state = wait_for(lambda: settled(program, name), 20, f"the fault of {name}")
    assert (state["code"], state["state"]) == (code, "retrying"), state
    assert words in state["problem"]
    assert state["cure"]
    assert SECRET not in json.dumps(state)
    for page in (f"/cameras/{name}", "/"):
        text = html.unescape(program.request(page)[1].decode())
        assert state["problem"] in text, (page, state["problem"])
        assert SECRET not in text
    assert state["cure"] in html.unescape(program.request(f"/cameras/{name}")[1].decode())


def test_the_rest_records_meanwhile_and_no_log_has_the_password(place):
    folder, program, *_ = place
    wait_for(lambda: program.camera("outage")["recording"], 20, "recording")
    assert program.get("/healthz")
    log = "".join(program.log)
    assert "wrong_password" in log
    assert SECRET not in log
    assert all(SECRET.encode() not in path.read_bytes() for path in (folder / "data").rglob("*.p*") if path.is_file())


def test_who_is_mended_records_without_being_told(place):
    folder, program, _, late = place
    late.start()
    (folder / "later.mp4").hardlink_to(folder / "yard.mp4")
    for name in ("refused_port", "missing_file"):
        wait_for(lambda name=name: program.camera(name)["recording"], 40, f"recording of {name}")
        assert program.camera(name)["problem"] in ("", None)


def test_an_outage_is_a_gap_and_recording_is_back_within_five_seconds(place, tmp_path):
    folder, program, server, _ = place
    wait_for(lambda: program.camera("outage")["recording"], 20, "recording")
    time.sleep(6)
    server.kill()
    killed = time.time()
    time.sleep(OUTAGE_S)
    assert program.camera("outage")["state"] == "retrying"
    server.start()
    back = time.time()
    wait_for(lambda: spans(program, "outage")[-1][0] > killed + 5, 15, "recording again")
    time.sleep(3)
    found = spans(program, "outage")
    before = [span for span in found if span[0] < killed]
    (resumed, _), *_ = [span for span in found if span[0] >= killed]
    assert killed - before[-1][1] < 3, "more than the GOP in flight is missing"
    assert resumed - back < 5, f"recording resumed {resumed - back:.1f} s after the camera's return"

    with browser(viewport={"width": 1280, "height": 800}) as page:
        log_in(page, program.url, program.first_line["user"], program.first_line["password"])
        page.goto(f"{program.url}/cameras/outage")
        runs = wait_for(lambda: page.evaluate(DRAWN)[1:] and page.evaluate(DRAWN), 10, "footage before and after the gap")
        gap = runs[-1][0] - runs[-2][1]
        assert abs(gap - (resumed - before[-1][1])) < 8, runs  # a pixel is three seconds
        assert page.problems == []

    status, clip = program.request(f"/api/v1/cameras/outage/clip.mp4?start={rfc(before[-1][1] - 4)}&end={rfc(resumed + 3)}")
    assert status == 200
    (tmp_path / "clip.mp4").write_bytes(clip)
    faults = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(tmp_path / "clip.mp4"), "-f", "null", "-"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (faults.returncode, faults.stderr) == (0, "")
    assert command("index", "check", "--data", str(folder / "data"))["ok"] is True


def rfc(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + "Z"
