"""/holds, and the protection of events."""

from aiohttp.test_utils import TestClient

from guardian.model.time import to_rfc3339
from tests.guardian.api.fakes import EVENT, T0

MINUTE = 60_000_000


def span(**more):
    return {"camera": "front", "start": to_rfc3339(T0), "end": to_rfc3339(T0 + MINUTE)} | more


async def test_a_span_is_protected_listed_and_let_go(client: TestClient):
    made = await client.post("/api/v1/holds", json=span())
    assert made.status == 201
    hold = await made.json()
    assert (hold["camera"], hold["event"], hold["end"]) == ("front", None, to_rfc3339(T0 + MINUTE))
    listed = await (await client.get("/api/v1/holds?camera=front")).json()
    assert [one["id"] for one in listed["items"]] == [hold["id"]]
    assert (await client.delete(f"/api/v1/holds/{hold['id']}")).status == 204
    assert (await client.delete(f"/api/v1/holds/{hold['id']}")).status == 404


async def test_a_bad_span_names_its_field(client: TestClient):
    for bad, field in ((span(camera="attic"), "camera"), (span(camera="NO"), "camera"), (span(start="soon"), "start")):
        answer = await client.post("/api/v1/holds", json=bad)
        assert answer.status in (400, 404)
        assert (await answer.json())["field"] == field
    assert (await client.get(f"/api/v1/holds?start={to_rfc3339(T0)}&end={to_rfc3339(T0)}")).status == 400


async def test_an_event_says_whether_it_is_protected(client: TestClient):
    at = f"/api/v1/events/{EVENT}"
    assert (await (await client.get(at)).json())["protected"] is False
    assert (await (await client.put(f"{at}/hold")).json())["protected"] is True
    assert (await (await client.get(at)).json())["protected"] is True
    assert (await (await client.delete(f"{at}/hold")).json())["protected"] is False
    assert (await client.put("/api/v1/events/unknown/hold")).status == 404
