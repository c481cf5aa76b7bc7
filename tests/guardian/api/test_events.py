from dataclasses import replace

import pytest
from aiohttp.test_utils import TestClient

from guardian.model.event import Attribute, EventState
from guardian.model.time import SECOND_US
from tests.guardian.api.fakes import EVENT, JPEG, T0, Fakes, make_event

EVENTS = "/api/v1/events"


async def test_an_event_has_what_was_promised(client: TestClient) -> None:
    event = await (await client.get(f"{EVENTS}/{EVENT}")).json()
    assert event == {
        "id": EVENT,
        "camera": "front",
        "label": "person",
        "score": 0.9123,
        "state": "active",
        "start": "2026-11-23T00:00:00.000Z",
        "end": None,
        "zones": ["porch", "gate"],
        "happenings": [
            {"zone": "porch", "what": "enter", "at": "2026-11-23T00:00:01.000Z", "direction": None},
            {"zone": "gate", "what": "cross", "at": "2026-11-23T00:00:02.000Z", "direction": "left"},
        ],
        "sub_label": "",
        "attributes": [],
        "protected": False,
        "verdict": None,
        "snapshot": f"{EVENTS}/{EVENT}/snapshot.jpg",
        "clip": f"{EVENTS}/{EVENT}/clip.mp4",
        "path": [{"time": "2026-11-23T00:00:00.000Z", "box": [0.1, 0.2, 0.3, 0.4]}],
    }


async def test_an_ended_event_without_a_picture(client: TestClient, fakes: Fakes) -> None:
    fakes.events.events[EVENT] = make_event(end_us=T0 + SECOND_US, state=EventState.ENDED, snapshot="")
    event = await (await client.get(f"{EVENTS}/{EVENT}")).json()
    assert (event["end"], event["snapshot"]) == ("2026-11-23T00:00:01.000Z", None)


async def test_a_page_of_events(client: TestClient, fakes: Fakes) -> None:
    fakes.events.cursor = "more"
    query = "camera=front&label=person&zone=porch&happening=enter&start=2026-11-23T00:00:00Z&end=2026-11-23T01:00:00Z&limit=500&cursor=abc"
    listing = await (await client.get(f"{EVENTS}?{query}")).json()
    assert (len(listing["items"]), listing["next"]) == (1, "more")
    (asked,) = fakes.events.queries
    assert (asked.camera, asked.label, asked.zone, asked.happening, asked.limit, asked.cursor) == (
        "front",
        "person",
        "porch",
        "enter",
        500,
        "abc",
    )
    assert (asked.start_us, asked.end_us) == (T0, T0 + 3600 * SECOND_US)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=many", "limit"),
        ("camera=Front%20Door", "camera"),
        ("label=", "label"),
        ("colour=red", "colour"),
        ("verdict=maybe", "verdict"),
        ("cursor=broken", "cursor"),
        ("start=2026-11-23T01:00:00Z&end=2026-11-23T00:00:00Z", "end"),
    ],
)
async def test_bad_filters_are_named(client: TestClient, query: str, field: str) -> None:
    answer = await client.get(f"{EVENTS}?{query}")
    body = await answer.json()
    assert (answer.status, body["field"]) == (400, field)
    assert body["cure"]


async def test_the_picture(client: TestClient) -> None:
    answer = await client.get(f"{EVENTS}/{EVENT}/snapshot.jpg")
    assert (await answer.read(), answer.content_type) == (JPEG, "image/jpeg")
    assert answer.headers["Cache-Control"] == "no-store"


async def test_the_clip_of_an_event_that_goes_on(client: TestClient, fakes: Fakes) -> None:
    answer = await client.get(f"{EVENTS}/{EVENT}/clip.mp4?as=h264")
    assert (answer.status, await answer.read()) == (200, b"initfragment-1fragment-2")
    assert fakes.playback.asked == [("front", T0 - 5 * SECOND_US, T0 + 5 * SECOND_US, True)]


async def test_an_event_is_deleted(client: TestClient, fakes: Fakes) -> None:
    assert (await client.delete(f"{EVENTS}/{EVENT}")).status == 204
    assert (await client.get(f"{EVENTS}/{EVENT}")).status == 404
    assert (await client.delete(f"{EVENTS}/{EVENT}")).status == 404


async def test_a_thumb_is_given_and_taken_back(client: TestClient) -> None:
    for verdict in ("right", "wrong", None):
        answer = await client.put(f"{EVENTS}/{EVENT}/feedback", json={"verdict": verdict})
        assert (answer.status, (await answer.json())["verdict"]) == (200, verdict)
        assert (await (await client.get(f"{EVENTS}/{EVENT}")).json())["verdict"] == verdict


@pytest.mark.parametrize("body", [{}, {"verdict": "maybe"}, {"verdict": 1}, {"verdict": "right", "because": "x"}])
async def test_a_verdict_is_right_wrong_or_null(client: TestClient, body: dict[str, object]) -> None:
    answer = await client.put(f"{EVENTS}/{EVENT}/feedback", json=body)
    told = await answer.json()
    assert (answer.status, told["field"]) == (400, "because" if "because" in body else "verdict")


async def test_events_are_filtered_by_verdict(client: TestClient, fakes: Fakes) -> None:
    await client.get(f"{EVENTS}?verdict=wrong")
    assert fakes.events.queries[-1].verdict == "wrong"


async def test_what_classifiers_said_is_told(client: TestClient, fakes: Fakes) -> None:
    said = (Attribute("upper colour", "red", 0.8),)
    fakes.events.events[EVENT] = replace(make_event(), sub_label="postman", attributes=said)
    event = await (await client.get(f"{EVENTS}/{EVENT}")).json()
    assert event["sub_label"] == "postman"
    assert event["attributes"] == [{"name": "upper colour", "value": "red", "score": 0.8}]


async def test_events_are_found_in_plain_words(client: TestClient, fakes: Fakes) -> None:
    found = await (await client.get(f"{EVENTS}/search", params={"q": "a red car today", "tz": "-60", "limit": "5"})).json()
    assert fakes.search.asked == [("a red car today", -60, 5)]
    assert [(one["event"]["id"], one["score"]) for one in found["items"]] == [(EVENT, 0.75)]
    assert (found["mode"], found["when"], found["cameras"]) == ("words", "today", ["front"])


@pytest.mark.parametrize(
    ("params", "field"), [({}, "q"), ({"q": ""}, "q"), ({"q": "x", "tz": "9999"}, "tz"), ({"q": "x", "a": "b"}, "a")]
)
async def test_a_search_that_makes_no_sense(client: TestClient, params: dict[str, str], field: str) -> None:
    answer = await client.get(f"{EVENTS}/search", params=params)
    assert answer.status == 400
    assert (await answer.json())["field"] == field


async def test_a_search_while_locked_says_how_to_unlock(client: TestClient, fakes: Fakes) -> None:
    fakes.search.locked = True
    answer = await client.get(f"{EVENTS}/search", params={"q": "person"})
    assert answer.status == 423
    assert "guardian vault unlock" in (await answer.json())["cure"]
