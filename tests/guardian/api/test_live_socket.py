import asyncio
import json

import pytest
from aiohttp import ClientError, WSMsgType, web
from aiohttp.test_utils import TestClient

from tests.guardian.api.fakes import Fakes

LIVE = "/api/v1/cameras/front/live"


async def _until(condition) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


async def test_first_the_words_then_init_then_fragments(client: TestClient, fakes: Fakes) -> None:
    fakes.live.feed.note = "sub stream"
    async with client.ws_connect(f"{LIVE}?can=h264,h265&prefer=sub") as socket:
        assert json.loads((await socket.receive()).data) == {
            "type": "init",
            "mime": 'video/mp4; codecs="avc1.640028"',
            "codecs": "avc1.640028",
            "width": 640,
            "height": 360,
            "note": "sub stream",
        }
        assert (await socket.receive()).data == b"live-init"
        fakes.live.feed.queue.put_nowait((True, b"key"))
        fakes.live.feed.queue.put_nowait((False, b"delta"))
        assert [(await socket.receive()).data for _ in range(2)] == [b"key", b"delta"]
    assert fakes.live.asked == [("front", frozenset({"h264", "h265"}), "sub")]
    await _until(lambda: fakes.live.viewers == 0)


async def test_a_viewer_who_leaves_while_nothing_comes_is_let_go(client: TestClient, fakes: Fakes) -> None:
    socket = await client.ws_connect(LIVE)
    await socket.receive()
    assert fakes.live.viewers == 1
    await socket.close()
    await _until(lambda: fakes.live.viewers == 0)


@pytest.mark.parametrize(("path", "code"), [("/api/v1/cameras/attic/live", "not_found"), (LIVE, "unavailable")])
async def test_what_goes_wrong_is_said_before_the_end(client: TestClient, fakes: Fakes, path: str, code: str) -> None:
    fakes.live.away = True
    async with client.ws_connect(path) as socket:
        said = json.loads((await socket.receive()).data)
        assert (said["type"], said["code"]) == ("error", code)
        assert said["message"]
        assert said["cure"]
        assert (await socket.receive()).type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED)


async def test_an_interrupted_picture_is_an_error(client: TestClient, fakes: Fakes) -> None:
    async with client.ws_connect(LIVE) as socket:
        await socket.receive()
        await socket.receive()
        fakes.live.feed.queue.put_nowait(None)
        assert json.loads((await socket.receive()).data)["code"] == "unavailable"


async def test_without_words_a_player_plays_h264(client: TestClient, fakes: Fakes) -> None:
    async with client.ws_connect(LIVE) as socket:
        await socket.receive()
    assert fakes.live.asked == [("front", frozenset({"h264"}), "main")]


async def test_a_plain_request_is_told_how_to_connect(client: TestClient) -> None:
    answer = await client.get(LIVE)
    body = await answer.json()
    assert (answer.status, body["field"], bool(body["cure"])) == (400, "Upgrade", True)


async def test_the_end_of_the_program_ends_viewers_at_once(client: TestClient, fakes: Fakes) -> None:
    async with client.ws_connect(LIVE) as socket:
        await socket.receive()
        await socket.receive()
        async with asyncio.timeout(2):
            await asyncio.gather(client.server.close(), socket.receive())
    assert fakes.live.viewers == 0


async def test_a_stranger_gets_no_socket(stranger: TestClient) -> None:
    answer = await stranger.get(LIVE, headers={"Connection": "Upgrade", "Upgrade": "websocket"})
    assert answer.status == 401


async def test_a_viewer_who_leaves_during_the_handshake_is_no_error(
    client: TestClient, fakes: Fakes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def gone(*_: object) -> None:
        raise ConnectionResetError("Connection lost")

    monkeypatch.setattr(web.WebSocketResponse, "prepare", gone)
    with pytest.raises(ClientError):
        await client.ws_connect(LIVE)
    assert [record for record in caplog.records if record.name.startswith("aiohttp")] == []
    assert fakes.live.viewers == 0
