from aiohttp.test_utils import TestClient

from tests.guardian.api.fakes import COOKIE, CSRF, Fakes

PAGE = {"Cookie": f"guardian_session={COOKIE}", "X-CSRF-Token": CSRF}


async def test_the_box_at_a_glance(client: TestClient) -> None:
    system = await (await client.get("/api/v1/system")).json()
    assert (system["version"], system["now"], system["oldest_footage"]) == ("0.1.0", "2026-11-23T00:00:01.000Z", None)
    assert system["processes"][0]["memory_bytes"] == 80_000_000
    assert system["inference"]["inferences_per_s"] == 12.35 or system["inference"]["inferences_per_s"] == 12.34
    assert system["inference"]["cameras"] == [
        {
            "camera": "front",
            "asked": 9,
            "answered": 6,
            "skipped": 2,
            "failed": 1,
            "wait_ms": {"p50": 1.5, "p95": 4.0},
            "infer_ms": {"p50": 6.0, "p95": 9.0},
        }
    ]
    assert system["findings"] == [{"check": "disk", "health": "warning", "message": "nearly full", "cure": "Free some."}]


async def test_archives_say_what_is_public_and_what_it_cost(client: TestClient) -> None:
    (archive,) = (await (await client.get("/api/v1/system")).json())["archives"]
    assert (archive["packs"], archive["verified"], archive["missed"]) == (2, 1, 5)
    assert archive["states"] == {"verified": 1, "parked": 1}
    assert (archive["notice"], archive["held_back"]) == ("It is public for ever.", "Nothing goes there until you say so.")
    (place,) = archive["places"]
    assert (place["public"], place["paid"], place["problem"]) == (True, "0.0266 USDFC", "<b>away</b>")


async def test_tokens_are_listed_without_their_secret_and_revoked(client: TestClient, fakes: Fakes) -> None:
    listing = await (await client.get("/api/v1/tokens")).json()
    assert listing["items"] == [
        {"id": "t1", "name": "laptop", "user": "owner", "created": "2026-11-23T00:00:00.000Z", "last_used": None}
    ]
    assert (await client.delete("/api/v1/tokens/t1")).status == 204
    assert (await client.delete("/api/v1/tokens/t1")).status == 404


async def test_a_login_makes_a_token_and_a_token_does_not(client: TestClient, stranger: TestClient, fakes: Fakes) -> None:
    refused = await client.post("/api/v1/tokens", json={"name": "mine"})
    assert refused.status == 403
    assert "t2" not in fakes.accounts.tokens
    made = await stranger.post("/api/v1/tokens", json={"name": "mine"}, headers=PAGE)
    assert made.status == 201
    assert (await made.json())["token"] == "fresh-secret"


async def test_another_model_is_asked_for(client: TestClient) -> None:
    answer = await client.put("/api/v1/detector", json={"model": "yolox-s", "device": "GPU"})
    body = await answer.json()
    assert (answer.status, body["model"], body["backend"], body["device"]) == (200, "yolox-s", "openvino", "GPU")
    refused = await client.put("/api/v1/detector", json={"model": "broken"})
    body = await refused.json()
    assert (refused.status, body["field"], body["cure"]) == (400, "detector.model", "Fetch it again.")
    assert (await client.put("/api/v1/detector", json={"threads": 3})).status == 400
