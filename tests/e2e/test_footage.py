"""Real footage through the whole program: six visits are six events, nothing is lost, every moment plays."""

import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from guardian.model.time import from_rfc3339
from tests.support.program import guardian, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
FOOTAGE = Path(__file__).parents[3] / "shared" / "data" / "footage"
ALL = "start=2020-01-01T00:00:00Z&end=2100-01-01T00:00:00Z"


def frames_and_faults(path):
    """Count video packets and collect what ffprobe and ffmpeg complain about."""
    if shutil.which("ffprobe") is None:
        pytest.skip("ffprobe is not installed")
    probe = subprocess.run(
        [
            "ffprobe",
            "-v",
            "error",
            "-count_packets",
            "-select_streams",
            "v:0",
            "-show_entries",
            "stream=nb_read_packets",
            "-of",
            "json",
            str(path),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    decode = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(path), "-f", "null", "-"], capture_output=True, text=True, check=False
    )
    return int(json.loads(probe.stdout)["streams"][0]["nb_read_packets"]), (probe.stderr + decode.stderr).strip()


def export(program, camera, start, end, target):
    status, body = program.request("/api/v1/exports", method="POST", body={"camera": camera, "start": start, "end": end})
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


def test_people_walk_in_and_out_of_a_file_played_once(tmp_path):
    """The same footage as a file camera: no network between, so not one frame may be missing."""
    if not (FOOTAGE / "people.mp4").exists():
        pytest.skip("shared footage is not here")
    truth = json.loads((FOOTAGE / "people.truth.json").read_text())
    data = tmp_path / "data"
    from guardian.vault.keyring import Keyring

    data.mkdir(mode=0o700)
    Keyring.create(data / "vault", "a passphrase for tests", now_us=0)
    (data / "passphrase").write_text("a passphrase for tests\n")
    (data / "config.toml").write_text(
        f'[web]\nport = 0\n[vault]\nunlock_file = "{data}/passphrase"\n[cameras.hall]\nkind = "file"\n'
        f'source = {{ path = "{FOOTAGE / "people.mp4"}", loop = false }}\n'
    )
    with guardian("run", "--data", str(data)) as program:
        login = program.first_line
        program.token = _token(data)
        assert login["url"]
        wait_for(lambda: program.camera("hall")["state"] == "ended", 180, "the end of the footage")
        time.sleep(8)
        spans = program.get(f"/api/v1/cameras/hall/recordings?{ALL}")["items"]
        events = program.get(f"/api/v1/events?camera=hall&limit=100&{ALL}")["items"]
        start_us = from_rfc3339(spans[0]["start"])
        seconds = sum(from_rfc3339(span["end"]) - from_rfc3339(span["start"]) for span in spans) / 1e6
        visits = sorted(
            ((from_rfc3339(e["start"]) - start_us) / 1e6, (from_rfc3339(e["end"]) - start_us) / 1e6, e["label"])
            for e in events
        )
        assert seconds >= 0.995 * 139.4
        assert [label for *_, label in visits] == ["person"] * 6, visits
        for (begin, end, _), (true_begin, true_end) in zip(visits, truth["visits"], strict=True):
            assert abs(begin - true_begin) <= truth["tolerance_s"], visits
            assert abs(end - true_end) <= truth["tolerance_s"], visits
        export(program, "hall", spans[0]["start"], spans[-1]["end"], tmp_path / "export.mp4")
    frames, faults = frames_and_faults(tmp_path / "export.mp4")
    assert (frames, faults) == (1394, "")


def _token(data):
    import sys

    from tests.support.program import environment

    done = subprocess.run(
        [sys.executable, "-m", "guardian", "token", "create", "test", "--data", str(data), "--json"],
        capture_output=True,
        text=True,
        env=environment(),
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])["token"]
