"""/relay: two steps to join, and what is refused."""

from aiohttp.test_utils import TestClient

from tests.guardian.api.fakes import Fakes

RELAY = "/api/v1/relay"


async def test_joining_takes_the_owners_yes(client: TestClient, fakes: Fakes) -> None:
    assert (await (await client.get(RELAY)).json())["state"] == "none"
    assert (await client.post(f"{RELAY}/confirm")).status == 409
    began = await (await client.post(f"{RELAY}/join", json={"invitation": "guardian-relay:abc"})).json()
    assert (began["state"], began["short_code"]) == ("pairing", "123 456")
    assert fakes.relay.asked == ["guardian-relay:abc"]
    assert (await (await client.post(f"{RELAY}/confirm")).json())["state"] == "connecting"
    assert (await client.post(f"{RELAY}/rotate")).status == 503
    left = await (await client.post(f"{RELAY}/leave")).json()
    assert (left["state"], left["handshake"]) == ("none", None)


async def test_nobody_joins_without_a_login(stranger: TestClient) -> None:
    for method, path in (("GET", ""), ("POST", "/join"), ("POST", "/confirm"), ("POST", "/rotate"), ("POST", "/leave")):
        assert (await stranger.request(method, RELAY + path)).status == 401


async def test_devices_are_told_and_told_no_more(client: TestClient, stranger: TestClient) -> None:
    devices = f"{RELAY}/devices"
    assert (await client.post(devices, json={"device": "hello", "name": "Phone"})).status == 400
    made = await client.post(devices, json={"device": "guardian-device:abc", "name": "Phone"})
    assert made.status == 201
    one = (await made.json())["id"]
    assert [item["name"] for item in (await (await client.get(devices)).json())["items"]] == ["Phone"]
    assert (await client.delete(f"{devices}/{'cd' * 16}")).status == 404
    assert (await (await client.delete(f"{devices}/{one}")).json())["items"] == []
    assert (await stranger.post(devices, json={"device": "guardian-device:abc", "name": "Phone"})).status == 401
