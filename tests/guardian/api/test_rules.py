"""Zones, lines, masks and hours over the API: what is given is put in place, what is wrong changes nothing."""

import pytest
from aiohttp.test_utils import TestClient

from tests.guardian.api.fakes import Fakes

RULES = "/api/v1/cameras/front/rules"
SQUARE = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]


async def test_rules_come_back_as_they_were_given(client: TestClient) -> None:
    before = await (await client.get(RULES)).json()
    assert (before["zones"], before["require_zone"], before["kept"]) == ([], False, True)
    zone = {
        "name": "yard",
        "points": SQUARE,
        "labels": ["cat"],
        "loiter_s": 20,
        "makes_event": "loiter",
        "schedule": ["sat,sun"],
    }
    line = {"name": "gate", "points": SQUARE[:2], "direction": "left", "labels": [], "makes_event": "never", "schedule": []}
    mask = {"name": "tree", "points": SQUARE, "labels": ["person"]}
    given = {
        "zones": [zone],
        "lines": [line],
        "object_masks": [mask],
        "motion_masks": [SQUARE],
        "require_zone": True,
        "schedule": ["22:00-06:00"],
        "rules": [{"label": "cat", "min_area": 0.01, "min_frames": 5}],
    }
    response = await client.patch(RULES, json=given)
    assert response.status == 200
    after = await response.json()
    assert [after[name] for name in ("zones", "lines", "object_masks", "motion_masks")] == [[zone], [line], [mask], [SQUARE]]
    assert after["rules"][0]["min_frames"] == 5
    assert await (await client.get(RULES)).json() == after
    only = await (await client.patch(RULES, json={"lines": []})).json()
    assert (only["lines"], only["zones"]) == ([], [zone]), "what is not given stays"
    assert (await (await client.patch(RULES, json=after | {"kept": True})).json())["code"] == "bad_request"


@pytest.mark.parametrize(
    ("given", "field", "detail"),
    [
        ({"zones": [{"name": "a", "points": SQUARE}] * 2}, "zones.a", "more than one"),
        (
            {"zones": [{"name": "a", "points": SQUARE}], "lines": [{"name": "A", "points": SQUARE[:2]}]},
            "cameras.front.detect.lines.A",
            "already zones.a",
        ),
        ({"zones": [{"name": "a", "points": SQUARE[:2]}]}, "cameras.front.detect.zones.a.points", "three points"),
        ({"zones": [{"name": "a", "points": SQUARE, "labels": ["elf"]}]}, "cameras.front.detect.zones.a.labels", "'elf'"),
        ({"schedule": ["8 to 9"]}, "cameras.front.detect.schedule", "no time of the week"),
        ({"zones": [{"name": "a"}]}, "zones.0.points", "required"),
        ({"zones": [{"name": "a", "points": [["x", 0]]}]}, "zones.0.points.0.0", "number"),
    ],
)
async def test_what_is_wrong_is_named_and_changes_nothing(
    client: TestClient, fakes: Fakes, given: dict[str, object], field: str, detail: str
) -> None:
    before = fakes.rules.settings
    response = await client.patch(RULES, json=given)
    problem = await response.json()
    assert (response.status, problem["field"]) == (400, field)
    assert detail in problem["detail"]
    assert problem["cure"]
    assert fakes.rules.settings == before


async def test_a_camera_that_is_not_there(client: TestClient) -> None:
    assert (await client.get("/api/v1/cameras/none/rules")).status == 404
    assert (await client.patch("/api/v1/cameras/none/rules", json={})).status == 404


async def test_a_camera_that_is_not_in_the_file_is_changed_until_the_end(client: TestClient) -> None:
    assert (await (await client.patch("/api/v1/cameras/yard/rules", json={"require_zone": False})).json())["kept"] is False
