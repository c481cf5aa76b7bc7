"""Who is not let in by the control service: no certificate, another authority's, one for servers, one that has ended."""

import contextlib

import grpc
import pytest
from guardian_cloud.ca.authority import ensure

from guardian.platform.clock import SystemClock
from guardian.protocol.v1.control_pb2 import FromRelay, Hello
from tests.support.cloud_people import Relay, batch, make_event, new_key, next_of, request_for


@pytest.fixture
async def relay(started, people):
    owner = await people("olga")
    tenant = (await owner.post("/tenants", {"name": "Home"}))["tenant"]
    code = (await owner.post(f"/tenants/{tenant}/devices/codes", {"role": "relay", "name": "Relay"}))["code"]
    one = await Relay.enrol(owner.base, code)
    yield one
    await one.close()


async def refusal(relay):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await relay.open()
    return refused.value.code()


async def test_another_authoritys_certificate_for_the_same_name_is_refused(started, relay, tmp_path):
    foreign = ensure(tmp_path / "foreign", SystemClock())
    key = new_key()
    issued = foreign.sign(request_for(key), relay.tenant, "relay", relay.device, 3600)
    thief = Relay(relay.control, relay.root, key, list(issued.chain), relay.device, relay.tenant)
    assert await refusal(thief) == grpc.StatusCode.UNAVAILABLE  # TLS itself refuses
    await thief.close()


async def test_without_a_certificate_there_is_no_connection(started, relay):
    async with grpc.aio.secure_channel(relay.control, grpc.ssl_channel_credentials(relay.root)) as channel:
        call = channel.stream_stream(
            "/guardian.control.v1.Control/Exchange", request_serializer=FromRelay.SerializeToString
        )()
        with contextlib.suppress(grpc.aio.AioRpcError):
            await call.write(FromRelay(hello=Hello()))
        assert await call.code() == grpc.StatusCode.UNAVAILABLE


async def test_a_certificate_for_servers_or_for_an_edge_that_is_not_there_is_refused(started, relay):
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    key_pem, chain = started.authority.server(("localhost",))
    key = serialization.load_pem_private_key(key_pem, None)
    ders = [one.public_bytes(serialization.Encoding.DER) for one in x509.load_pem_x509_certificates(chain)]
    server = Relay(relay.control, relay.root, key, ders, relay.device, relay.tenant)
    assert await refusal(server) in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.UNAVAILABLE)
    await server.close()
    key = new_key()
    for tenant, role, device in ((relay.tenant, "edge", relay.device), (relay.device, "relay", relay.device)):
        issued = started.authority.sign(request_for(key), tenant, role, device, 3600)
        wrong = Relay(relay.control, relay.root, key, list(issued.chain), device, tenant)
        assert await refusal(wrong) == grpc.StatusCode.PERMISSION_DENIED
        await wrong.close()


async def test_a_stream_ends_with_its_certificate(started, relay):
    key = new_key()
    issued = started.authority.sign(request_for(key), relay.tenant, "relay", relay.device, 3)
    short = Relay(relay.control, relay.root, key, list(issued.chain), relay.device, relay.tenant)
    call, _ = await short.open()
    await call.write(batch(1, make_event()))
    assert (await next_of(call, "ack")).up_to == 1
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await next_of(call, "nothing", seconds=6)
    assert ended.value.code() == grpc.StatusCode.PERMISSION_DENIED
    await short.close()
    assert await refusal(short) in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.PERMISSION_DENIED)
    await short.close()


async def test_the_first_message_must_be_hello(started, relay):
    call = relay.exchange()
    await call.write(batch(1, make_event()))
    assert await call.code() == grpc.StatusCode.INVALID_ARGUMENT
