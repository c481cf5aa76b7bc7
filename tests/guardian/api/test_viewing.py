"""/viewing: on, off, and shown once."""

from aiohttp.test_utils import TestClient

from tests.guardian.api.fakes import Fakes

VIEWING = "/api/v1/viewing"


async def test_a_viewing_key_is_shown_when_it_is_made_and_never_again(client: TestClient, fakes: Fakes) -> None:
    assert (await (await client.get(VIEWING)).json()) == {
        "on": False,
        "created": None,
        "viewers": 0,
        "last": None,
        "problem": "",
    }
    made = await (await client.post(VIEWING)).json()
    assert (made["on"], made["key"]) == (True, "guardian-view:abc")
    assert "key" not in await (await client.get(VIEWING)).json()
    assert (await (await client.delete(VIEWING)).json())["on"] is False
    fakes.viewing.locked = True
    assert (await client.post(VIEWING)).status == 423


async def test_somebody_else_is_let_in_and_taken_out(client: TestClient, fakes: Fakes) -> None:
    made = await client.post(f"{VIEWING}/viewers", json={"name": "Olga"})
    assert made.status == 201
    assert await made.json() == {
        "id": "ef" * 16,
        "name": "Olga",
        "key": "guardian-view:olga",
        "passphrase": "made-words",
    }
    own = await (await client.post(f"{VIEWING}/viewers", json={"name": "Paul", "passphrase": "his own words"})).json()
    assert own["passphrase"] == "his own words"
    listed = (await (await client.get(f"{VIEWING}/viewers")).json())["items"]
    assert [(one["name"], one["looking"], one["last"], one["problem"]) for one in listed] == [
        ("Olga", 0, None, ""),
        ("Paul", 0, None, ""),
    ]
    assert not {"key", "passphrase"} & set(listed[0])
    assert (await client.delete(f"{VIEWING}/viewers/00")).status == 404
    assert (await (await client.delete(f"{VIEWING}/viewers/{'ef' * 16}")).json()) == {"items": []}
    for wrong in ({}, {"name": 7}, {"name": "x" * 41}, {"name": "Olga", "epoch": 1}):
        assert (await client.post(f"{VIEWING}/viewers", json=wrong)).status == 400
    fakes.viewing.locked = True
    assert (await client.post(f"{VIEWING}/viewers", json={"name": "Olga"})).status == 423


async def test_nobody_turns_it_on_without_a_login(stranger: TestClient) -> None:
    for method in ("GET", "POST", "DELETE"):
        assert (await stranger.request(method, VIEWING)).status == 401
        assert (await stranger.request(method, f"{VIEWING}/viewers")).status in (401, 405)
    assert (await stranger.delete(f"{VIEWING}/viewers/{'ef' * 16}")).status == 401
