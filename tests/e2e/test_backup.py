"""A backup that is made while it records, restored where there was nothing: the same people log in, the same footage plays."""

from __future__ import annotations

import json
import shutil
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from guardian.model.time import from_rfc3339, to_rfc3339
from guardian.services.demo import CLIP
from tests.support.house import ALL, PASSPHRASE, command, running, set_up
from tests.support.program import Program, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]
CAMERA = f"""
[cameras.gate]
kind = "file"
source = {{ path = {json.dumps(str(CLIP))} }}
[cameras.gate.record]
segment_s = 5
"""


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def logs_in(program: Program, password: str) -> bool:
    """Send the form of the login page; who is let in gets a cookie."""
    form = urllib.parse.urlencode({"user": "owner", "password": password}).encode()
    request = urllib.request.Request(program.url + "/login", data=form, headers={"Origin": program.url})
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=30) as answer:
            return "session" in (answer.headers["Set-Cookie"] or "")
    except urllib.error.HTTPError as error:
        return error.code == 303 and "session" in (error.headers["Set-Cookie"] or "")


def segments(data: Path) -> list[Path]:
    return sorted((data / "segments").rglob("*.pgs"))


def test_a_house_moves_to_another_machine(tmp_path: Path) -> None:
    old, new, file = tmp_path / "old", tmp_path / "new", tmp_path / "house.pgb"
    set_up(old, CAMERA)
    with running(old) as program:
        password, token = program.first_line["password"], program.token
        wait_for(lambda: len(segments(old)) > 1, 60, "footage")
        before = program.pids()
        made = command("backup", str(file), "--data", str(old))
        assert {"config.toml", "index.db", "vault/vault.json"} <= set(made["members"])
        count = len(segments(old))
        wait_for(lambda: len(segments(old)) > count, 30, "more footage after the backup")
        assert program.pids() == before, "nothing noticed it"
        begin_us = from_rfc3339(program.get(f"/api/v1/cameras/gate/recordings?{ALL}")["items"][0]["start"])
    secrets = (password, token, PASSPHRASE, str(CLIP))
    assert [secret for secret in secrets if secret.encode() in file.read_bytes()] == []

    gone = old.rename(tmp_path / "gone")
    secret = tmp_path / "passphrase"
    secret.write_text(PASSPHRASE + "\n")
    words = ("restore", str(file), "--data", str(new), "--passphrase-file", str(secret))
    assert command(*words)["before"] is None
    assert command(*words, code=2)["error"]["code"] == "conflict"
    for folder in ("segments", "pictures"):
        shutil.copytree(gone / folder, new / folder)
    assert command("index", "rebuild", "--data", str(new))["items"] == []
    config = new / "config.toml"
    config.write_text(config.read_text().replace(f"{old}/passphrase", str(secret)))

    with running(new) as program:
        assert "password" not in program.first_line, "its users are there"
        assert logs_in(program, password)
        assert not logs_in(program, "another password")
        program.token = token
        span = f"start={to_rfc3339(begin_us)}&end={to_rfc3339(begin_us + 2_000_000)}"
        status, clip = program.request(f"/api/v1/cameras/gate/clip.mp4?{span}")
        assert (status, clip[4:8]) == (200, b"ftyp")
        assert b"moof" in clip
        wait_for(lambda: program.camera("gate")["recording"], 30, "recording again")
    repaired = command("index", "repair", "--prune", "--data", str(new))
    assert repaired["ok"], repaired
    assert command("index", "check", "--deep", "--data", str(new))["ok"]
