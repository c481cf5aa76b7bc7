"""Calls by the descriptors, both ends for real."""

import asyncio

import grpc
import pytest

from guardian.protocol.rpc import OPTIONS, Calls, Stub, handlers
from guardian.protocol.v1 import events_pb2 as events
from guardian.protocol.v1 import link_pb2 as link

LINK = link.DESCRIPTOR.services_by_name["Link"]


class Echo:
    async def Rotate(self, request, context):
        return link.RotateReply(relay=request.edge)

    async def Exchange(self, requests, context):
        async for one in requests:
            yield link.FromRelay(ack=events.Ack(up_to=one.hello.outbox_first))

    async def Deliver(self, pieces, context):
        return link.Delivered(received=sum([len(one.data) async for one in pieces]))

    async def View(self, frames, context):
        async for one in frames:
            yield one


async def test_all_four_kinds_of_call_go_through():
    server = grpc.aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers((handlers(LINK, Echo()),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", OPTIONS) as channel:
        stub = Stub(channel, LINK)
        asked = link.RotateRequest(edge=link.SignedTunnelKey(body=b"x"))
        assert (await stub.Rotate(asked)).relay.body == b"x"
        assert (await stub.Deliver(iter([link.Piece(data=b"ab"), link.Piece(data=b"c")]))).received == 3
        call = stub.Exchange()
        await call.write(link.FromEdge(hello=link.Hello(outbox_first=7)))
        assert (await call.read()).ack.up_to == 7
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
        with pytest.raises(AttributeError):
            stub.Unknown()
    await server.stop(0)


def test_a_method_that_nobody_implements_is_found_at_the_start():
    with pytest.raises(AttributeError):
        handlers(LINK, object())


async def test_a_call_is_cancelled_once_and_what_it_does_at_its_end_is_waited_for():
    began, ended = [], []

    class Slow(Echo):
        async def Exchange(self, _, context):
            try:
                await context.read()
                await context.write(link.FromRelay(ack=events.Ack(up_to=1)))
                await asyncio.sleep(60)
            finally:
                began.append(1)
                await asyncio.sleep(0.3)
                ended.append(1)

    calls, server = Calls(), grpc.aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers((handlers(LINK, Slow(), calls),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", OPTIONS) as channel:
        exchange = Stub(channel, LINK).Exchange()
        await exchange.write(link.FromEdge())
        assert (await exchange.read()).ack.up_to == 1
        exchange.cancel()  # once,
        async with asyncio.timeout(5):
            while not began:
                await asyncio.sleep(0.01)
        await server.stop(0)  # and once more
        assert not ended
        await calls.ended()
    assert ended == [1]
