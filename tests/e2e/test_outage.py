"""A camera that goes and comes back: what its owner sees, and that nothing is lost that could be kept."""

import subprocess
import time

import pytest

from guardian.model.time import from_rfc3339
from guardian.vault.keyring import Keyring
from guardian.vault.reader import SegmentReader
from tests.support.browser import browser, log_in, playing
from tests.support.house import ALL, PASSPHRASE, camera, command, running, set_up
from tests.support.program import wait_for
from tests.support.rtsp import RtspServer, make_video, require_server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]
OUTAGE_S = 20.0

DRAWN = """() => {
  const canvas = document.querySelector('[data-timeline]'), ratio = devicePixelRatio || 1;
  const row = canvas.getContext('2d').getImageData(0, Math.round((32 + (canvas.clientHeight - 58) / 2) * ratio), canvas.width, 1).data;
  const at = (x) => row.slice(x * 4, x * 4 + 4).join();
  const needle = Math.floor(canvas.width * 0.72 - 2 * ratio), blank = at(2), runs = [];
  for (let x = 2; x < needle; x += 1)
    if (at(x) !== blank) { if (at(x - 1) !== blank) runs.at(-1)[1] = x + 1; else runs.push([x, x + 1]); }
  return runs.map((run) => run.map((x) => x / ratio * 3600 / canvas.clientWidth));
}"""
ACROSS = """() => document.querySelector('[data-mark]').dataset.mode === 'past' && document.querySelector('video').currentTime > 20"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Footage, its RTSP server, and Guardian."""
    require_server()
    folder = tmp_path_factory.mktemp("cameras")
    video = make_video(folder / "yard.mp4", seconds=60)
    yard = RtspServer({"yard": str(video)}).start()
    set_up(folder / "data", camera("outage", "rtsp", {"url": yard.url("yard")}))
    try:
        with running(folder / "data") as program:
            yield folder, program, yard
    finally:
        yard.kill()


def spans(program, name):
    found = program.get(f"/api/v1/cameras/{name}/recordings?{ALL}")["items"]
    return [(from_rfc3339(span["start"]) / 1e6, from_rfc3339(span["end"]) / 1e6) for span in found]


def test_an_outage_is_a_gap_and_recording_is_back_within_five_seconds(place, tmp_path):
    folder, program, server = place
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
        page.goto(f"{program.url}/cameras/outage?at={rfc(before[-1][1] - 3)}")
        wait_for(lambda: playing(page, "video"), 20, "footage before the gap")
        wait_for(lambda: page.evaluate(ACROSS), 15, "footage after it, without a hand")
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
    probe = ["ffprobe", "-v", "error", "-count_packets", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0"]
    probed = subprocess.run([*probe, str(tmp_path / "clip.mp4")], capture_output=True, text=True, check=True)
    assert probed.stderr == ""
    assert 60 <= int(probed.stdout) <= 110, "ten pictures a second of both sides, from the keyframe before"
    assert opened(folder / "data") > 10
    assert command("index", "check", "--data", str(folder / "data"))["ok"] is True


def opened(data):
    """Open every fragment there is; return how many."""
    keyring, count = Keyring.load(data / "vault"), 0
    keyring.unlock(PASSPHRASE)
    for path in (data / "segments").rglob("*.pgs"):
        with SegmentReader(path, keyring) as reader:
            for index in range(len(reader.table)):
                assert reader.read(index)
                count += 1
    return count


def rfc(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + "Z"
