import asyncio
import json

import pytest
from aiohttp.test_utils import TestClient

from guardian.model.event import EventChange
from tests.guardian.api.fakes import EVENT, Fakes, make_event

STREAM = "/api/v1/events/stream"


async def _message(answer) -> dict[str, str]:
    lines: dict[str, str] = {}
    async with asyncio.timeout(5):
        while line := (await answer.content.readline()).decode().rstrip("\n"):
            name, _, value = line.partition(": ")
            lines[name] = value
    return lines


async def test_changes_come_as_they_happen(client: TestClient, fakes: Fakes) -> None:
    async with client.get(STREAM) as answer:
        assert answer.content_type == "text/event-stream"
        assert await _message(answer) == {"": "hello", "retry": "2000"}
        fakes.events.changes.put_nowait(EventChange(17, "start", make_event()))
        message = await _message(answer)
        assert (message["id"], message["event"]) == ("17", "start")
        assert json.loads(message["data"])["id"] == EVENT
        fakes.events.changes.put_nowait(None)
        assert await answer.content.read() == b""
    assert fakes.events.after == [None]


async def test_a_quiet_stream_is_kept_alive(client: TestClient, fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("guardian.api.event_stream.HEARTBEAT_S", 0.02)
    async with client.get(STREAM) as answer:
        await _message(answer)
        assert await _message(answer) == {"": "still here"}
        fakes.events.changes.put_nowait(EventChange(18, "end", make_event()))
        while (message := await _message(answer)) == {"": "still here"}:
            pass
        assert message["id"] == "18"


async def test_a_listener_that_comes_back_says_where_it_was(client: TestClient, fakes: Fakes) -> None:
    fakes.events.changes.put_nowait(None)
    await (await client.get(STREAM, headers={"Last-Event-ID": "41"})).read()
    fakes.events.changes.put_nowait(None)
    await (await client.get(f"{STREAM}?after=7")).read()
    assert fakes.events.after == [41, 7]


async def test_a_listener_who_leaves_is_forgotten(client: TestClient, fakes: Fakes) -> None:
    answer = await client.get(STREAM)
    await _message(answer)
    async with asyncio.timeout(5):
        while fakes.events.listeners == 0:
            await asyncio.sleep(0.01)
        answer.close()
        while fakes.events.listeners:
            await asyncio.sleep(0.01)


async def test_the_end_of_the_program_ends_the_stream(client: TestClient, fakes: Fakes) -> None:
    answer = await client.get(STREAM)
    await _message(answer)
    async with asyncio.timeout(2):
        await asyncio.gather(client.server.close(), answer.content.read())
    assert fakes.events.listeners == 0


@pytest.mark.parametrize("last", ["x", "-1", "9" * 30, "\u0663"])
async def test_a_strange_serial_is_refused(client: TestClient, last: str) -> None:
    answer = await client.get(STREAM, headers={"Last-Event-ID": last})
    assert (answer.status, (await answer.json())["field"]) == (400, "Last-Event-ID")
