import pytest
from aiohttp.test_utils import TestClient

from tests.guardian.api.fakes import Fakes

EXPORTS = "/api/v1/exports"
WISH = {"camera": "front", "start": "2026-11-23T00:00:00Z", "end": "2026-11-23T00:10:00Z", "name": "parcel"}


async def test_an_export_from_wish_to_file(client: TestClient, fakes: Fakes) -> None:
    made = await client.post(EXPORTS, json=WISH)
    assert (made.status, made.headers["Location"]) == (202, f"{EXPORTS}/x0")
    assert (await made.json())["file"] is None
    early = await client.get(f"{EXPORTS}/x0/file.mp4")
    assert (early.status, (await early.json())["code"]) == (409, "conflict")
    fakes.exports.finish("x0")
    export = await (await client.get(made.headers["Location"])).json()
    assert (export["state"], export["progress"], export["size_bytes"], export["name"]) == ("done", 1.0, 100, "parcel")
    assert (export["start"], export["end"]) == ("2026-11-23T00:00:00.000Z", "2026-11-23T00:10:00.000Z")
    file = await client.get(export["file"])
    assert (await file.read(), file.headers["Content-Length"]) == (fakes.exports.data, "100")
    assert "attachment" in file.headers["Content-Disposition"]
    listing = await (await client.get(EXPORTS)).json()
    assert [one["id"] for one in listing["items"]] == ["x0"]


@pytest.mark.parametrize(("asked", "first", "end"), [("bytes=0-4", 0, 5), ("bytes=45-", 45, 100), ("bytes=-10", 90, 100)])
async def test_a_file_has_ranges(client: TestClient, fakes: Fakes, asked: str, first: int, end: int) -> None:
    await client.post(EXPORTS, json=WISH)
    fakes.exports.finish("x0")
    answer = await client.get(f"{EXPORTS}/x0/file.mp4", headers={"Range": asked})
    assert (answer.status, await answer.read()) == (206, fakes.exports.data[first:end])
    assert answer.headers["Content-Range"] == f"bytes {first}-{end - 1}/100"


async def test_an_export_is_deleted(client: TestClient) -> None:
    await client.post(EXPORTS, json=WISH)
    assert (await client.delete(f"{EXPORTS}/x0")).status == 204
    assert (await client.get(f"{EXPORTS}/x0")).status == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"camera": None}, "camera"),
        ({"camera": "attic"}, "camera"),
        ({"start": "noon"}, "start"),
        ({"start": 5}, "start"),
        ({"end": "2026-11-22T00:00:00Z"}, "end"),
        ({"name": "x" * 201}, "name"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_bad_wishes_are_named_and_change_nothing(
    client: TestClient, fakes: Fakes, change: dict[str, object], field: str
) -> None:
    answer = await client.post(EXPORTS, json={**WISH, **change})
    body = await answer.json()
    assert answer.status in (400, 404)
    assert (body["field"], bool(body["cure"])) == (field, True)
    assert not fakes.exports.exports


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"a":' * 10_000, b" " * 70_000])
async def test_a_body_that_is_no_json_object_is_a_problem(client: TestClient, fakes: Fakes, body: bytes) -> None:
    answer = await client.post(EXPORTS, data=body, headers={"Content-Type": "application/json"})
    assert (answer.status, answer.content_type) == (400, "application/problem+json")
    form = await client.post(EXPORTS, data={"camera": "front"})
    assert (form.status, (await form.json())["field"]) == (400, "Content-Type")
    assert not fakes.exports.exports
