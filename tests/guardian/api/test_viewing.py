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


async def test_nobody_turns_it_on_without_a_login(stranger: TestClient) -> None:
    for method in ("GET", "POST", "DELETE"):
        assert (await stranger.request(method, VIEWING)).status == 401
