"""/viewing for who is logged in, /viewer/ for who is not: they prove themselves inside their WebSocket."""

import aiohttp
import guardian_viewer as viewer
from aiohttp.test_utils import TestClient

from tests.guardian.api.fakes import CSRF
from tests.guardian.web.fakes import WebFakes


async def test_a_viewing_key_is_made_and_shown_once(client: TestClient, fakes: WebFakes) -> None:
    fakes.vault.unlocked = True
    assert "Make a viewing key" in await (await client.get("/viewing")).text()
    made = await client.post("/viewing/on", data={"csrf": CSRF})
    text = await made.text()
    assert (made.status, made.headers["Cache-Control"]) == (200, "no-store")
    assert "guardian-view:abc" in text
    assert "<svg" in text
    assert " style=" not in text, "the policy would not allow it"
    page = await (await client.get("/viewing")).text()
    assert "Turn it off" in page
    assert "guardian-view:abc" not in page
    assert (await client.post("/viewing/off", data={"csrf": CSRF}, allow_redirects=False)).status == 303
    assert not fakes.viewing.on


async def test_without_an_open_vault_it_says_what_to_do(client: TestClient, fakes: WebFakes) -> None:
    fakes.viewing.locked = True
    refused = await client.post("/viewing/on", data={"csrf": CSRF})
    assert refused.status == 423
    assert "The vault is locked." in await refused.text()


async def test_somebody_else_gets_secrets_of_their_own_shown_once_and_is_taken_out(
    client: TestClient, fakes: WebFakes
) -> None:
    fakes.vault.unlocked = True
    assert "Make your own viewing key first." in await (await client.get("/viewing")).text()
    fakes.viewing.on = True
    given = {"csrf": CSRF, "name": "Olga <b>"}
    assert (await client.post("/viewing/viewers", data=given | {"csrf": "wrong"})).status == 403
    made = await client.post("/viewing/viewers", data=given)
    text = await made.text()
    assert (made.status, made.headers["Cache-Control"]) == (200, "no-store")
    assert "For Olga &lt;b&gt;" in text
    assert "guardian-view:olga" in text
    assert "made-words" in text
    page = await (await client.get("/viewing")).text()
    assert "Olga &lt;b&gt;" in page
    assert "made-words" not in page
    assert (await client.post("/viewing/viewers/00/remove", data={"csrf": CSRF})).status == 404
    page = await (await client.post(f"/viewing/viewers/{'ef' * 16}/remove", data={"csrf": CSRF})).text()
    assert "Olga &lt;b&gt;" not in page
    assert "make a new key" in page
    fakes.viewing.locked = True
    refused = await client.post("/viewing/viewers", data=given)
    assert (refused.status, "The vault is locked." in await refused.text()) == (423, True)


async def test_a_device_is_let_in_and_taken_out(client: TestClient, fakes: WebFakes) -> None:
    fakes.vault.unlocked = True
    given = {"csrf": CSRF, "device": "guardian-device:abc", "name": "Olga's phone"}
    assert (await client.post("/viewing/devices", data=given | {"csrf": "wrong"})).status == 403
    refused = await client.post("/viewing/devices", data=given | {"device": "hello"})
    assert (refused.status, "This is no device." in await refused.text()) == (400, True)
    page = await (await client.post("/viewing/devices", data=given)).text()
    assert "Olga&#39;s phone" in page
    assert (await client.post("/viewing/devices/00/remove", data={"csrf": CSRF})).status == 404
    page = await (await client.post(f"/viewing/devices/{'ab' * 16}/remove", data={"csrf": CSRF})).text()
    assert "Olga&#39;s phone" not in page


async def test_where_the_page_is_not_what_was_signed_it_is_not_served(stranger: TestClient, monkeypatch) -> None:
    monkeypatch.setattr(viewer, "_own", lambda name: b"")
    viewer.checked.cache_clear()
    try:
        refused = await stranger.get("/viewer/")
        assert refused.status == 503
        assert "manifest.json is missing" in await refused.text()
        assert (await stranger.get("/login")).status == 200, "all else goes on"
    finally:
        viewer.checked.cache_clear()


async def test_the_viewer_needs_no_login_and_has_its_own_policy(stranger: TestClient) -> None:
    assert (await stranger.get("/viewer", allow_redirects=False)).headers["Location"] == "/viewer/"
    page = await stranger.get("/viewer/")
    assert (page.status, page.headers["Content-Security-Policy"]) == (200, viewer.POLICY)
    assert (await stranger.get("/viewer/worker.mjs")).content_type == "text/javascript"
    assert (await stranger.get("/viewer/nothing")).status == 404
    assert (await stranger.get("/viewer/view")).status == 400


async def test_frames_of_its_websocket_go_to_the_desk(stranger: TestClient, fakes: WebFakes) -> None:
    async with stranger.ws_connect("/viewer/view") as socket:
        await socket.send_bytes(b"hello")
        assert await socket.receive_bytes() == b"answer"
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
    assert fakes.viewing.calls == [b"hello"]
    elsewhere = await stranger.get("/viewer/view", headers={"Origin": "https://evil.example"})
    assert elsewhere.status == 403
