from aiohttp.test_utils import TestClient

from tests.guardian.api.fakes import CODE, Fakes

VAULT = "/api/v1/vault"


async def test_the_vault_is_unlocked_and_locked(client: TestClient, fakes: Fakes) -> None:
    status = await (await client.get(VAULT)).json()
    assert status == {
        "exists": True,
        "unlocked": False,
        "epoch": 7,
        "kem": "MLKEM768-X25519",
        "throttled_s": 0.0,
        "recovery_created": "2026-11-23T00:00:00.000Z",
        "evidence_key": "",
    }
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


async def test_passphrase_keys_and_recovery_code(client: TestClient, fakes: Fakes) -> None:
    async def post(what: str, **body: str) -> dict[str, object]:
        answer = await client.post(f"{VAULT}/{what}", json=body)
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store"), await answer.text()
        return await answer.json()

    assert not (await post("change-passphrase", passphrase="right", new_passphrase="the new one"))["unlocked"]
    assert (await post("rotate", passphrase="right"))["epoch"] == 8
    assert await post("recovery-code", passphrase="right") == {"recovery_code": CODE}
    assert (await post("recover", recovery_code=CODE, new_passphrase="another one"))["unlocked"]
    assert fakes.vault.passphrases == ["the new one", "another one"]
    found = await post("verify", passphrase="right")
    assert found["whole"] is False
    assert found["epochs"][0] == {"epoch": 6, "created": "2026-11-23T00:00:00.000Z", "files_opened": 8, "faults": []}


async def test_each_of_them_refuses_and_says_how_long(client: TestClient, fakes: Fakes) -> None:
    bodies = {
        "change-passphrase": {"passphrase": "guess", "new_passphrase": "a-new-secret"},
        "rotate": {"passphrase": "guess"},
        "recovery-code": {"passphrase": "guess"},
        "recover": {"recovery_code": "guess", "new_passphrase": "a-new-secret"},
        "verify": {"passphrase": "guess"},
    }
    for what, body in bodies.items():
        answer = await client.post(f"{VAULT}/{what}", json=body)
        text = await answer.text()
        assert answer.status == 403
        assert "guess" not in text
        assert "a-new-secret" not in text
    fakes.vault.throttled = True
    for what, body in bodies.items():
        answer = await client.post(f"{VAULT}/{what}", json=body)
        assert (answer.status, answer.headers["Retry-After"]) == (429, "3")
