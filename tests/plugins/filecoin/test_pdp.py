"""A provider of Filecoin, by a test server that checks signatures and commitments: paid once, found again, never believed."""

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from eth_abi import encode
from guardian_filecoin import FilecoinPlugin, cost
from guardian_filecoin import archiver as archiver_module
from guardian_filecoin.archive import FilecoinArchive
from guardian_filecoin.hashing import name
from guardian_filecoin.states import State
from pydantic import ValidationError

from guardian.pluginhost.loading import instantiate
from guardian.sdk import BadSetting
from tests.plugins.filecoin.world import PAYEE, PAYER, SESSION_ADDRESS, SESSION_KEY, Killed, World, filecoin
from tests.support.ethereum import Account
from tests.support.pdp_server import PRICES, Moods, PdpServer, signable


@pytest.fixture(autouse=True)
def _named_here(monkeypatch):
    monkeypatch.setattr(archiver_module, "name_apart", name)


@pytest.fixture
async def provider():
    server = PdpServer(PAYEE, {SESSION_ADDRESS: (PAYER, {"CreateDataSet", "AddPieces"})})
    async with TestServer(server.app()) as running:
        server.url = str(running.make_url("/"))
        yield server


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def settings(provider, **more):
    return {"accept_public": True, "timeout_s": 2, "filecoin": {"one": filecoin(provider.url)}} | more


async def rounds(world, archiver, count=12):
    for _ in range(count):
        await archiver.round()
        world.forward(1.1)


async def archived(world, provider, segments, **more):
    archiver = world.archiver(**settings(provider, **more))
    for number in range(segments):
        await archiver.segment_sealed(world.segment(number, 900_000))
    world.forward(31)
    await rounds(world, archiver)
    return archiver


async def test_packs_are_paid_once_verified_and_given_back(world, provider, tmp_path):
    provider.confirm_s = 0.2
    archiver = await archived(world, provider, 3)
    status = await FilecoinArchive(archiver).status()
    assert (status.packs, status.verified, status.places[0].problem) == (3, 3, "")
    assert sorted(provider.times_added().values()) == [1, 1, 1]
    assert len(provider.sets) == 1
    assert provider.paid == PRICES["create"] + 3 * (PRICES["add"] + PRICES["each"])
    assert sum(int(one.notes["paid"]) for one in archiver.ledger.copies()) == provider.paid
    done = await FilecoinArchive(archiver).restore(tmp_path / "bare", world.open_key, lambda _: None, {})
    assert (done.segments, done.problems) == (3, ())
    await archiver.close()


async def test_the_chain_is_told_nothing_but_sizes_and_names_of_content(world, provider):
    archiver = await archived(world, provider, 1)
    assert provider.metadata == []
    assert all(cid.startswith("bafkzci") for pieces in provider.sets.values() for cid in pieces)
    await archiver.close()


async def test_a_bare_machine_restores_from_the_provider_alone(world, provider, tmp_path):
    archiver = await archived(world, provider, 2)
    kept = {key: archiver.ledger.note(f"place:one:{key}") for key in ("data_set", "client_id")}
    await archiver.close()
    bare = World(tmp_path / "bare", keys=(world.private, world.public)).archiver(**settings(provider))
    bare.ledger.put_note("place:one:client_id", kept["client_id"])  # of the kit; the data set is found on the chain
    done = await FilecoinArchive(bare).restore(tmp_path / "back", world.open_key, lambda _: None, {})
    assert (done.packs, done.segments, done.problems) == (2, 2, ())
    assert bare.ledger.note("place:one:data_set") == kept["data_set"]
    await bare.close()


@pytest.mark.parametrize("lost", ["PUT", "finish", "create"])
async def test_an_answer_that_is_lost_costs_nothing_twice(world, provider, lost):
    calls = {"PUT": 2, "finish": 3, "create": 4}[lost]
    seen = []

    def does(mood):
        if mood == "lose_answer":
            seen.append(mood)
            return len(seen) == calls
        return False

    provider._does = does
    archiver = await archived(world, provider, 2)
    assert (await FilecoinArchive(archiver).status()).verified == 2
    assert sorted(provider.times_added().values()) == [1, 1]
    assert len(provider.sets) == 1
    await archiver.close()


async def test_a_restart_between_paying_and_noting_it_pays_nothing_again(world, provider, monkeypatch):
    archiver = world.archiver(**settings(provider))
    await archiver.segment_sealed(world.segment(1, 900_000))
    world.forward(31)
    keep = archiver.ledger.keep

    def killed(copy):
        if copy.notes.get("tx"):
            raise Killed
        keep(copy)

    monkeypatch.setattr(archiver.ledger, "keep", killed)
    with pytest.raises(Killed):
        await rounds(world, archiver)
    await archiver.close()
    assert sum(provider.times_added().values()) == 1
    archiver = world.archiver(**settings(provider))
    await rounds(world, archiver)
    assert (await FilecoinArchive(archiver).status()).verified == 1
    assert sum(provider.times_added().values()) == 1
    await archiver.close()


async def test_what_the_provider_forgot_is_brought_again_and_not_paid_again(world, provider):
    archiver = await archived(world, provider, 1, folder={"here": {"path": str(world.root)}})
    provider.parked.clear()
    assert await archiver.scrub(1.0) >= 1
    (copy,) = archiver.ledger.copies(None, "one")
    assert copy.state is State.WAITING
    assert "no longer has" in copy.problem
    world.forward(1.1)
    await rounds(world, archiver)
    (copy,) = archiver.ledger.copies(None, "one")
    assert copy.state is State.VERIFIED
    assert sorted(provider.times_added().values()) == [1]
    await archiver.close()


@pytest.mark.parametrize("mood", ["lie", "truncate"])
async def test_a_provider_that_gives_wrong_bytes_is_never_verified(world, provider, mood):
    provider.moods = Moods(**{mood: 1.0})
    archiver = await archived(world, provider, 1)
    (copy,) = archiver.ledger.copies()
    assert copy.state is not State.VERIFIED
    assert copy.problem
    assert (world.root / "plugins/filecoin/spool" / archiver.ledger.packs()[0].file).exists()
    provider.moods = Moods()
    await rounds(world, archiver)
    assert archiver.ledger.copies()[0].state is State.VERIFIED
    assert sorted(provider.times_added().values()) == [1]
    await archiver.close()


async def test_a_provider_that_stalls_is_given_up_for_now(world, provider):
    provider.moods = Moods(stall=1.0, stall_s=30)
    archiver = world.archiver(**settings(provider, timeout_s=0.2))
    await archiver.segment_sealed(world.segment(1, 1000))
    world.forward(31)
    await archiver.round()
    (copy,) = archiver.ledger.copies()
    assert "Timeout" in copy.problem
    await archiver.close()


async def test_a_key_without_the_right_is_refused_and_the_reason_shown(world, provider):
    provider.allowed = {SESSION_ADDRESS: (PAYER, {"AddPieces"})}
    archiver = await archived(world, provider, 1)
    (place,) = (await FilecoinArchive(archiver).status()).places
    assert "may not CreateDataSet" in place.problem
    assert SESSION_KEY not in place.problem
    assert provider.paid == 0
    await archiver.close()


async def test_a_stolen_key_deletes_nothing(world, provider):
    archiver = await archived(world, provider, 1)
    message = {"clientDataSetId": provider.client_ids[1][0], "pieceIds": [0]}
    signature = Account.from_key(SESSION_KEY).sign_message(signable("SchedulePieceRemovals", message)).signature
    async with aiohttp.ClientSession() as session:
        body = {"extraData": "0x" + encode(["bytes"], [signature]).hex()}
        async with session.delete(f"{provider.url}pdp/data-sets/1/pieces/0", json=body) as answer:
            assert answer.status == 403
    assert sum(provider.times_added().values()) == 1
    await archiver.close()


async def test_the_cost_is_told_before_and_after(world, provider):
    archiver = world.archiver(**settings(provider, accept_public=False))
    for number in range(2):
        await archiver.segment_sealed(world.segment(number, 900_000))
    world.forward(31)
    await archiver.round()
    await cost.ask_prices(archiver.ledger, "one", archiver.places["one"], world.now_us)
    status = await FilecoinArchive(archiver).status()
    assert status.next_cost == "one: 0.0266 USDFC for 2 packs"
    assert provider.paid == 0
    assert provider.uploads == {}
    await archiver.close()
    archiver = world.archiver(**settings(provider))
    await rounds(world, archiver)
    await cost.ask_prices(archiver.ledger, "one", archiver.places["one"], world.now_us)
    status = await FilecoinArchive(archiver).status()
    assert (status.next_cost, status.places[0].paid) == ("", "0.0266 USDFC")
    await archiver.close()


@pytest.mark.parametrize("secret", ["secret", "0" * 64, "f" * 64, "0x12"])
def test_a_bad_session_key_is_named_and_not_shown(world, secret):
    """One of the wrong form is found with the settings, one that is no key of the curve when the place is made."""
    settings_of = {"accept_public": True, "filecoin": {"one": filecoin("http://127.0.0.1:1", session_key=secret)}}
    with pytest.raises((BadSetting, ValidationError), match=r"filecoin\.one\.session_key") as caught:
        world.archiver(**settings_of)
    if isinstance(caught.value, BadSetting):
        assert secret not in str(caught.value)
    else:
        with pytest.raises(BadSetting) as told:
            instantiate("filecoin", FilecoinPlugin, settings_of, None)
        assert "session_key" in told.value.message
        assert secret not in told.value.message


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"pack_mib": 3}, "pack_mib"),
        ({"folder": {"Bad Name": {"path": "/x"}}}, "no name of a place"),
        ({"folder": {"a": {"path": "/x"}}, "kubo": {"a": {}}}, "two places are called a"),
        ({"s3": {"a": {"url": "http://h/bucket", "bucket": "b", "access_key": "k", "secret_key": "s"}}}, "bucket apart"),
        ({"filecoin": {"a": filecoin("http://h", payee="0x12")}}, "payee"),
        ({"everythin": True}, "everythin"),
    ],
)
def test_bad_settings_name_their_field(given, field):
    with pytest.raises(BadSetting, match=field):
        instantiate("filecoin", FilecoinPlugin, given, None)
