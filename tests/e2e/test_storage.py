"""Footage protected from the page, and moved to a further place from which it plays, with a Guardian that runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from guardian.model.time import to_rfc3339
from guardian.services.demo import CLIP
from guardian.services.tiers import MARK
from tests.support.browser import browser, log_in
from tests.support.house import ALL, command, running, set_up
from tests.support.looking import looked_at
from tests.support.program import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


@pytest.fixture
def house(tmp_path: Path) -> Path:
    nas = tmp_path / "nas"
    nas.mkdir()
    config = f"""
[storage.tiers.nas]
settings = {{ path = {json.dumps(str(nas))} }}
move = true
reserve_gb = 0
[cameras.gate]
kind = "file"
source = {{ path = {json.dumps(str(CLIP))} }}
[cameras.gate.record]
segment_s = 5
"""
    set_up(tmp_path / "house", config)
    return tmp_path / "house"


def test_footage_is_protected_on_the_page_moved_away_and_still_plays(house, tmp_path):
    nas = tmp_path / "nas"
    with running(house) as program:
        event = wait_for(lambda: program.get("/api/v1/events")["items"], 40, "an event")[-1]["id"]
        wait_for(lambda: len(list(nas.rglob("*.pgs"))) > 1, 90, "footage in the further place")
        assert (nas / MARK).exists()
        with browser() as page:
            log_in(page, program.url, program.first_line["user"], program.first_line["password"])
            page.goto(f"{program.url}/events/{event}")
            page.get_by_role("button", name="Protect").click()
            page.get_by_text("protected", exact=True).wait_for()
            assert page.get_by_role("button", name="Delete").count() == 0
            page.goto(f"{program.url}/system")
            page.get_by_role("heading", name="Further places").wait_for()
            assert page.problems == []
        assert program.get("/api/v1/holds")["items"][0]["event"] == event
        assert program.request(f"/api/v1/events/{event}", method="DELETE")[0] == 409
        spans = program.get(f"/api/v1/cameras/gate/recordings?{ALL}")["items"]
        assert len(spans) == 1, "moving footage makes no gap"
        moved = sorted(nas.rglob("*.pgs"))[0]
        begin_us = looked_at(moved).header.start_utc_us
        span = f"start={to_rfc3339(begin_us)}&end={to_rfc3339(begin_us + 2_000_000)}"
        status, piece = program.request(f"/api/v1/cameras/gate/clip.mp4?{span}")
        assert status == 200, piece
        assert b"moof" in piece
        wish = {
            "cameras": ["gate"],
            "evidence": True,
            "start": to_rfc3339(begin_us),
            "end": to_rfc3339(begin_us + 6_000_000),
        }
        status, made = program.request("/api/v1/exports", method="POST", body=wish)
        assert status == 202, made
        export = f"/api/v1/exports/{json.loads(made)['id']}"
        done = wait_for(lambda: program.get(export) if program.get(export)["state"] == "done" else None, 30, "the evidence")
        (tmp_path / "evidence.zip").write_bytes(program.request(done["file"])[1])
        (tier,) = program.get("/api/v1/system")["storage"]["tiers"]
        assert (tier["problem"], tier["segments"] > 1) == ("", True)
    found = command("verify", str(tmp_path / "evidence.zip"), "--key", str(house / "vault" / "evidence.json"))
    assert (found["whole"], found["known"], found["videos"][0]["name"]) == (True, True, "gate.mp4")
    checked = command("index", "check", "--data", str(house))
    assert checked["ok"], checked
