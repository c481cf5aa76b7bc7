from aiohttp.test_utils import TestClient

from tests.guardian.api.fakes import Fakes

VAULT = "/api/v1/vault"


async def test_the_vault_is_unlocked_and_locked(client: TestClient, fakes: Fakes) -> None:
    status = await (await client.get(VAULT)).json()
    assert status == {"exists": True, "unlocked": False, "epoch": 7, "kem": "MLKEM768-X25519", "throttled_s": 0.0}
    assert (await (await client.post(f"{VAULT}/unlock", json={"passphrase": "right"})).json())["unlocked"]
    assert fakes.vault.unlocked
    assert not (await (await client.post(f"{VAULT}/lock")).json())["unlocked"]


async def test_a_wrong_passphrase(client: TestClient) -> None:
    answer = await client.post(f"{VAULT}/unlock", json={"passphrase": "guess"})
    body = await answer.json()
    assert (answer.status, body["code"], body["field"]) == (403, "wrong_passphrase", "passphrase")
    assert "guess" not in await answer.text()


async def test_an_empty_or_missing_passphrase_is_not_tried_and_not_repeated(client: TestClient) -> None:
    for body in ({"passphrase": ""}, {}, {"passphrase": 5}, {"passphrase": "right", "hint": "secret-hint"}):
        answer = await client.post(f"{VAULT}/unlock", json=body)
        assert answer.status == 400
        assert "secret-hint" not in await answer.text()


async def test_too_many_tries_say_how_long(client: TestClient, fakes: Fakes) -> None:
    fakes.vault.throttled = True
    answer = await client.post(f"{VAULT}/unlock", json={"passphrase": "guess"})
    assert (answer.status, answer.headers["Retry-After"]) == (429, "3")
