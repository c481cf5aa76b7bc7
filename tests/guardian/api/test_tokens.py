import pytest
from aiohttp.test_utils import TestClient

from tests.guardian.api.fakes import COOKIE, CSRF, TOKEN, Fakes

PAGE = {"Cookie": f"guardian_session={COOKIE}"}


@pytest.mark.parametrize("header", [f"Bearer {TOKEN}", f"bearer {TOKEN}"], ids=["as written in the RFC", "in lower case"])
async def test_a_token_lets_in(stranger: TestClient, header: str) -> None:
    assert (await stranger.get("/api/v1/cameras", headers={"Authorization": header})).status == 200


@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer ", f"Basic {TOKEN}", "Bearer"])
async def test_anything_else_does_not(stranger: TestClient, header: str) -> None:
    assert (await stranger.get("/api/v1/cameras", headers={"Authorization": header})).status == 401


async def test_a_wrong_token_is_not_made_good_by_a_cookie(stranger: TestClient) -> None:
    headers = {**PAGE, "Authorization": "Bearer wrong"}
    assert (await stranger.get("/api/v1/cameras", headers=headers)).status == 401


async def test_a_login_reads_without_and_changes_with_the_csrf_word(stranger: TestClient, fakes: Fakes) -> None:
    assert (await stranger.get("/api/v1/vault", headers=PAGE)).status == 200
    fakes.vault.unlocked = True
    for headers in (PAGE, {**PAGE, "X-CSRF-Token": "guess"}, {**PAGE, "X-CSRF-Token": "gu\u00e9ss"}):
        answer = await stranger.post("/api/v1/vault/lock", headers=headers)
        assert answer.status == 403
        assert (await answer.json())["field"] == "X-CSRF-Token"
    assert fakes.vault.unlocked
    assert (await stranger.post("/api/v1/vault/lock", headers={**PAGE, "X-CSRF-Token": CSRF})).status == 200
    assert not fakes.vault.unlocked


async def test_another_sites_page_cannot_use_the_login(stranger: TestClient) -> None:
    elsewhere = {**PAGE, "Origin": "https://evil.example"}
    answer = await stranger.get("/api/v1/cameras/front/live", headers=elsewhere)
    assert answer.status == 403
    own = {**PAGE, "Origin": f"http://{stranger.host}:{stranger.port}"}
    assert (await stranger.get("/api/v1/cameras", headers=own)).status == 200


async def test_a_token_needs_no_csrf_word(client: TestClient) -> None:
    assert (await client.post("/api/v1/vault/lock")).status == 200
