"""Joining: a code is good once, nobody between gets the same digits, and only the home's word opens the tunnel."""

import grpc
import pytest
from guardian_relay.index.joined import JoinStore
from guardian_relay.index.store import make_tables, open_engine
from guardian_relay.keys import load_identity
from guardian_relay.pairing import UNDER_WAY_S, PairingService

from guardian.protocol.pairing import short_code
from guardian.protocol.rpc import Stub, handlers
from guardian.protocol.v1 import link_pb2 as link
from guardian.protocol.wireguard import public_key
from tests.support.relay import NOW_MS, Home, OwnClock

PAIRING = link.DESCRIPTOR.services_by_name["Pairing"]
CODE = b"k" * 32


class Bench:
    """A relay's pairing, and who was let in."""

    def __init__(self, identity, store, clock):
        self.identity, self.store, self.clock, self.opened = identity, store, clock, []
        self.service = PairingService(
            identity, store, clock, endpoint="relay.example:51820", link_port=7444, version="1", opened=self._open
        )

    async def _open(self, joined, said, keys):
        await self.store.join(joined, said)
        self.opened.append((joined, said, keys))


@pytest.fixture
async def bench(tmp_path):
    engine = open_engine(f"sqlite+aiosqlite:///{tmp_path / 'relay.db'}")
    await make_tables(engine, NOW_MS * 1000)
    clock = OwnClock()
    bench = Bench(load_identity(tmp_path, NOW_MS), JoinStore(engine), clock)
    await bench.store.invite(CODE, NOW_MS + 60_000, NOW_MS)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((handlers(PAIRING, bench.service),))
    key, certificate = bench.identity.key_pem, bench.identity.certificate_pem
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, certificate)]))
    await server.start()
    pinned = grpc.ssl_channel_credentials(certificate)
    options = [("grpc.ssl_target_name_override", "guardian-relay")]
    async with grpc.aio.secure_channel(f"127.0.0.1:{port}", pinned, options) as channel:
        bench.stub = Stub(channel, PAIRING)
        yield bench
    await server.stop(0)
    await engine.dispose()


async def refused(call, code):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert caught.value.code() is code, caught.value.details()


def confirmation(home, reply, **fields):
    values = {
        "pairing": reply.pairing,
        "edge_statement": home.edge_statement(),
        "relay_statement": home.relay_statement(reply),
        "preshared_key": b"q" * 32,
    }
    return link.ConfirmRequest(**(values | fields))


async def revealed(bench, home):
    request = home.request(CODE)
    reply = await bench.stub.Enrol(request)
    await bench.stub.Reveal(link.RevealRequest(pairing=reply.pairing, nonce=home.nonce))
    return request, reply


async def test_a_home_joins(bench):
    home = Home()
    request, reply = await revealed(bench, home)
    seen = await bench.store.pairing(CODE)
    assert (seen.state, seen.short_code) == ("revealed", short_code(request, reply, home.nonce))
    assert bench.opened == []
    await bench.stub.Confirm(confirmation(home, reply))
    joined, said, keys = bench.opened[0]
    assert (joined.home, joined.edge) == (home.public, home.edge)
    assert (keys.current.peer, keys.current.preshared) == (public_key(home.tunnel), b"q" * 32)
    assert public_key(keys.current.private) == reply.tunnel_key
    assert said.highest == 2
    assert reply.edge_address.startswith("fd")
    assert (await bench.store.statements(home.public)).digest() == said.digest()
    assert (await bench.store.pairing(CODE)).state == "confirmed"


async def test_a_code_is_good_once_and_not_for_ever(bench):
    await bench.stub.Enrol(Home().request(CODE))
    await refused(bench.stub.Enrol(Home().request(CODE)), grpc.StatusCode.UNAUTHENTICATED)
    await refused(bench.stub.Enrol(Home().request(b"x" * 32)), grpc.StatusCode.UNAUTHENTICATED)
    await bench.store.invite(b"l" * 32, NOW_MS + 1000, NOW_MS)
    bench.clock.ms += 1000
    await refused(bench.stub.Enrol(Home().request(b"l" * 32)), grpc.StatusCode.UNAUTHENTICATED)


async def test_the_code_is_nowhere_on_the_disk(bench, tmp_path):
    await revealed(bench, Home())
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and CODE in path.read_bytes()]


async def test_another_nonce_ends_the_pairing(bench):
    home = Home()
    reply = await bench.stub.Enrol(home.request(CODE))
    await refused(
        bench.stub.Reveal(link.RevealRequest(pairing=reply.pairing, nonce=b"z" * 32)), grpc.StatusCode.INVALID_ARGUMENT
    )
    again = link.RevealRequest(pairing=reply.pairing, nonce=home.nonce)
    await refused(bench.stub.Reveal(again), grpc.StatusCode.FAILED_PRECONDITION)


async def test_who_is_between_gets_other_digits(bench):
    """Mallory takes the home's call, and calls the relay with keys of their own."""
    home, mallory = Home(), Home()
    asked = home.request(CODE)
    to_relay = mallory.request(CODE)
    real = await bench.stub.Enrol(to_relay)
    forged = link.EnrolReply.FromString(real.SerializeToString())
    forged.tunnel_key = public_key(mallory.tunnel)
    await bench.stub.Reveal(link.RevealRequest(pairing=real.pairing, nonce=mallory.nonce))
    assert (await bench.store.pairing(CODE)).short_code != short_code(asked, forged, home.nonce)


@pytest.mark.parametrize(
    "change",
    [
        lambda home, reply: {"edge_statement": Home(edge=home.edge).edge_statement()},  # another home's word
        lambda home, reply: {"edge_statement": home.edge_statement(tunnel_key=b"x" * 32)},
        lambda home, reply: {"relay_statement": home.relay_statement(reply, tunnel_key=b"x" * 32)},
        lambda home, reply: {"relay_statement": home.relay_statement(reply, signing_key=b"x" * 32)},
        lambda home, reply: {"edge_statement": home.edge_statement(expires_ms=NOW_MS - 1)},
        lambda home, reply: {"edge_statement": home.edge_statement(revoked=True)},
        lambda home, reply: {"relay_statement": link.ConfirmRequest().relay_statement},
    ],
)
async def test_only_the_homes_word_on_these_very_keys_opens_the_tunnel(bench, change):
    home = Home()
    _, reply = await revealed(bench, home)
    await refused(bench.stub.Confirm(confirmation(home, reply, **change(home, reply))), grpc.StatusCode.INVALID_ARGUMENT)
    assert bench.opened == []


async def test_nothing_is_confirmed_that_was_not_revealed_or_lasts_too_long(bench):
    home = Home()
    reply = await bench.stub.Enrol(home.request(CODE))
    await refused(bench.stub.Confirm(confirmation(home, reply)), grpc.StatusCode.FAILED_PRECONDITION)
    await bench.stub.Reveal(link.RevealRequest(pairing=reply.pairing, nonce=home.nonce))
    bench.clock.ms += int(UNDER_WAY_S * 1000) + 1
    await refused(bench.stub.Confirm(confirmation(home, reply)), grpc.StatusCode.FAILED_PRECONDITION)


async def test_a_second_home_is_turned_away_and_the_same_one_may_join_anew(bench):
    home = Home()
    _, reply = await revealed(bench, home)
    await bench.stub.Confirm(confirmation(home, reply))
    await bench.store.invite(b"m" * 32, NOW_MS + 1000, NOW_MS)
    await refused(bench.stub.Enrol(Home().request(b"m" * 32)), grpc.StatusCode.FAILED_PRECONDITION)
    await bench.store.invite(b"n" * 32, NOW_MS + 1000, NOW_MS)
    new = Home(key=home.key, edge=b"f" * 16)
    again = await bench.stub.Enrol(new.request(b"n" * 32))
    await bench.stub.Reveal(link.RevealRequest(pairing=again.pairing, nonce=new.nonce))
    older = confirmation(
        new, again, edge_statement=new.edge_statement(3), relay_statement=new.relay_statement(again, 1, expires_ms=1)
    )
    await refused(bench.stub.Confirm(older), grpc.StatusCode.INVALID_ARGUMENT)  # its number is not newer
    good = confirmation(new, again, edge_statement=new.edge_statement(3), relay_statement=new.relay_statement(again, 4))
    await bench.stub.Confirm(good)
    assert len(bench.opened) == 2


@pytest.mark.parametrize("field", ["code", "home", "edge", "signing_key", "tunnel_key", "commitment"])
async def test_fields_of_a_wrong_length_are_refused_before_the_code_is_used(bench, field):
    broken = Home().request(CODE)
    setattr(broken, field, b"short")
    await refused(bench.stub.Enrol(broken), grpc.StatusCode.INVALID_ARGUMENT)
    await bench.stub.Enrol(Home().request(CODE))
