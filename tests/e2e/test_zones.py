"""An owner draws a zone over the live picture: it is in the file, in force, in the next event, and recording never stopped."""

import json

import pytest

from guardian.services.demo import CLIP
from guardian.settings.load import load
from tests.support.browser import browser, log_in
from tests.support.house import ALL, running, set_up
from tests.support.program import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]
CONFIG = f"""
[cameras.front]  # over the door
kind = "file"
source = {{ path = {json.dumps(str(CLIP))} }}

[cameras.front.detect]
min_seconds = 0.5  # they run
"""
RULES = "/api/v1/cameras/front/rules"
EVERYWHERE = [[0, 0], [1, 0], [1, 1], [0, 1]]


def corner(page, number):
    return page.locator(f"[data-role=corner][data-at='{number}']")


def draw(page):
    """Draw by mouse, by touch and by keyboard; return the points as the page has them."""
    page.click("[data-add] [data-kind=zones]")
    page.fill("[data-edit] input >> nth=0", "yard")
    box = corner(page, 0).locator(".sketch-hit").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 60, y + 20, steps=3)
    page.mouse.up()
    page.focus("[data-role=middle][data-at='1']")
    page.keyboard.press("Enter")  # a new corner, which has the focus then
    page.keyboard.press("Shift+ArrowRight")
    page.focus("[data-role=corner][data-at='3']")
    page.keyboard.press("ArrowDown")
    page.click("[data-add] [data-kind=lines]")
    page.fill("[data-edit] input >> nth=0", "gate")


def test_a_zone_is_drawn_saved_and_in_force_without_a_gap(tmp_path):
    data = tmp_path / "d"
    set_up(data, CONFIG)
    with running(data) as program, browser(viewport={"width": 1280, "height": 800}) as page:
        wait_for(lambda: program.camera("front")["recording"], 30, "recording")
        pid = program.pids()["camera front"]
        log_in(page, program.url, program.first_line["user"], program.first_line["password"])
        page.goto(f"{program.url}/cameras/front/zones")
        page.wait_for_selector("[data-saved][data-tone=good]")
        draw(page)
        page.click("[data-save]")
        page.wait_for_selector("[data-saved][data-tone=good]")
        assert page.problems == []

        (zone,) = program.get(RULES)["zones"]
        assert (zone["name"], len(zone["points"])) == ("yard", 5)
        assert zone["points"][0][0] < 0.3
        text = (data / "config.toml").read_text()
        assert all(comment in text for comment in ("# over the door", "# they run"))
        assert list(load(data).cameras["front"].detect.zones) == ["yard"]

        page.fill("[name=schedule]", "25:00-26:00")
        page.click("[data-save]")
        page.wait_for_selector("[data-problem]:not([hidden])")
        assert "no time of the day" in page.inner_text("[data-problem]")

        rules = {"zones": [{"name": "all", "points": EVERYWHERE}], "lines": [], "require_zone": True}
        status, _ = program.request(RULES, method="PATCH", body=rules)
        assert status == 200
        event = wait_for(
            lambda: [one for one in program.get("/api/v1/events?zone=all&happening=enter")["items"] if one["end"]],
            120,
            "an event in the zone",
        )[0]
        assert {one["what"] for one in event["happenings"]} >= {"enter"}
        assert program.pids()["camera front"] == pid, "no process was started again"
        assert len(program.get(f"/api/v1/cameras/front/recordings?{ALL}")["items"]) == 1, "there is no gap"
        program.stop()
    assert list(load(data).cameras["front"].detect.zones) == ["all"]
