"""A store that keeps nothing for a while: nothing is acknowledged, nothing behind it is taken, and all of it comes in the end."""

import asyncio

import grpc
from guardian_relay import intake as intake_module
from guardian_relay.errors import Unkept
from guardian_relay.intake import Intake

from guardian.platform.tasks import Tasks
from guardian.protocol.v1 import events_pb2 as events
from guardian.protocol.v1 import link_pb2 as link
from tests.relay.bench import expect, hello, relay
from tests.support.relay import OwnClock, event


class Store:
    """Keeps what it is given, or not."""

    def __init__(self):
        self.why, self.kept, self.tries = "", [], 0

    async def take(self, batch, up_to):
        self.tries += 1
        if self.why:
            raise Unkept(self.why)
        self.kept.append(up_to)
        return len(batch)


async def test_what_is_not_kept_is_not_acknowledged_and_nothing_behind_it_is_taken():
    store, acknowledged, said, tasks = Store(), [], [], Tasks()
    one = Intake(store.take, OwnClock(), acknowledged.append, lambda: said.append((one.trouble, one.left_out)))
    assert await one.put([event(1)], 1) is None
    store.why = "the store's disk is full"
    more = await one.put([event(2)], 2)
    assert (one.trouble, acknowledged) == ("the store's disk is full", [1])
    store.why = ""
    assert await one.put([event(3)], 3) is None, "there is room, and it would be in front of the one before it"
    assert store.kept == [1]
    tasks.spawn(more(), "again")
    while one.trouble:
        await asyncio.sleep(0.01)
    assert (store.kept, acknowledged) == ([1, 2], [1, 2])
    assert said == [("the store's disk is full", False), ("", True)]
    await tasks.close()


async def test_a_stream_outlives_a_full_disk_and_ends_once_there_is_room_for_what_was_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(intake_module, "AGAIN_S", 0.02)
    async with relay(tmp_path) as one:
        call, _ = await hello(one)
        real = one.store.take

        async def full(batch, up_to):
            raise Unkept("the store's disk is full")

        one.service._intake._take = full
        await call.write(link.FromEdge(events=events.EventBatch(first=1, events=[event(1)])))
        assert (await expect(call, "heartbeat")).full
        assert one.service.trouble == "the store's disk is full"
        await call.write(link.FromEdge(events=events.EventBatch(first=2, events=[event(2)])))
        await call.write(link.FromEdge(telemetry=events.Telemetry(time_s=1, readings={"queue_events": 2})))
        while not one.edge.telemetry.readings:
            await asyncio.sleep(0.01)
        one.service._intake._take = real
        assert (await expect(call, "ack")).up_to == 1
        assert not (await expect(call, "heartbeat")).full
        assert await call.read() is grpc.aio.EOF, "what was left out comes with the next stream"
        _, welcome = await hello(one)
        assert welcome.acknowledged == 1
