"""The archive as a whole over a folder: what is chosen, packed, brought, looked at, lost and given back."""

from dataclasses import replace

import pytest
from guardian_filecoin import archiver as archiver_module
from guardian_filecoin.archive import FilecoinArchive
from guardian_filecoin.choice import FORGET_AFTER_US
from guardian_filecoin.hashing import name
from guardian_filecoin.states import NEXT, Breaker, Copy, State, next_wait_s

from guardian.sdk import Event, EventState, Hold
from tests.plugins.filecoin.world import START_US, Killed, World

MINUTE = 60_000_000


@pytest.fixture(autouse=True)
def _named_here(monkeypatch):
    """A process for each pack takes most of a test's time; `test_pack` has it."""
    monkeypatch.setattr(archiver_module, "name_apart", name)


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture
def there(tmp_path):
    (tmp_path / "nas").mkdir()
    return tmp_path / "nas"


def one_folder(there, **more):
    return {"folder": {"nas": {"path": str(there)}}} | more


def event(label, start, end, camera="front-door"):
    return Event("e" + label, camera, label, 0.9, START_US + start, START_US + end, EventState.ENDED)


async def restored(world, archiver, into):
    return await FilecoinArchive(archiver).restore(into, world.open_key, lambda _: None, {})


async def test_footage_goes_out_is_verified_and_comes_back(world, there, tmp_path):
    archiver = world.archiver(**one_folder(there))
    records = [world.segment(number, 300_000) for number in range(7)]
    for record in records:
        await archiver.segment_sealed(record)
    await archiver.round()
    status = await FilecoinArchive(archiver).status()
    assert (status.packs, status.verified, status.waiting) == (2, 2, 1)  # three a pack, the last waits for more
    world.forward(31)
    await archiver.round()
    status = await FilecoinArchive(archiver).status()
    assert (status.packs, status.verified, status.waiting) == (3, 3, 0)
    assert list((tmp_path / "plugins/filecoin/spool").glob("*.pack*")) == []
    done = await restored(world, archiver, tmp_path / "bare/segments")
    assert (done.packs, done.segments, done.problems) == (3, 7, ())
    for record in records:
        assert (tmp_path / "bare/segments" / record.path).read_bytes() == (tmp_path / "segments" / record.path).read_bytes()
    again = await restored(world, archiver, tmp_path / "bare/segments")
    assert again.segments == 0
    await archiver.close()


async def test_what_lies_there_says_nothing(world, there):
    archiver = world.archiver(**one_folder(there))
    for number in range(4):
        await archiver.segment_sealed(world.segment(number, 300_000, camera="canary-porch"))
    world.forward(31)
    await archiver.round()
    files = list(there.iterdir())
    assert len(files) == 2
    for path in files:
        data = path.read_bytes()
        for word in (b"canary", b"porch", b"main", b"2026", b"PAGS", b"avc1", b"argon", b"guardian"):
            assert word not in data
        assert path.name.startswith("baf")
    assert len({path.stat().st_size for path in files}) == 1
    await archiver.close()


async def test_only_what_was_wished_for_is_taken(world, there):
    archiver = world.archiver(**one_folder(there, everything=False, labels=["person"], before_s=10, after_s=10))
    records = [world.segment(number, 1000) for number in range(6)]
    for record in records[:4]:
        await archiver.segment_sealed(record)
    await archiver.event_ended(event("cat", 0, 5 * MINUTE))
    await archiver.event_ended(event("person", 2 * MINUTE + 5_000_000, 4 * MINUTE + 30_000_000))
    for record in records[4:]:
        await archiver.segment_sealed(record)
    wanted = {one.header.segment_id for one in archiver.ledger.waiting()}
    assert wanted == {one.header.segment_id for one in records[1:5]}  # minutes 1 (ten seconds before) to 4
    world.now_us += 5 * MINUTE + FORGET_AFTER_US + MINUTE
    await archiver.round()
    assert archiver.ledger.spans() == []
    await archiver.close()


async def test_protected_footage_is_taken_and_old_footage_is_found_in_the_index(world, there):
    archiver = world.archiver(**one_folder(there, everything=False))
    old = [world.segment(number, 1000) for number in range(3)]  # sealed before the archive was there
    await archiver.footage_protected(Hold("h", "front-door", START_US + MINUTE, START_US + 2 * MINUTE, "", 0))
    await archiver.footage_protected(Hold("other", "garden", START_US, START_US + 9 * MINUTE, "", 0))
    assert [one.header.segment_id for one in archiver.ledger.waiting()] == [old[1].header.segment_id]
    await archiver.close()


async def test_only_chosen_cameras_and_streams(world, there):
    archiver = world.archiver(**one_folder(there, cameras=["garden"]))
    for camera, stream in (("garden", "main"), ("garden", "sub"), ("front-door", "main")):
        await archiver.segment_sealed(world.segment(1, 1000, camera=camera, stream=stream))
    assert [(one.header.camera, one.header.stream) for one in archiver.ledger.waiting()] == [("garden", "main")]
    await archiver.close()


async def test_a_segment_that_was_deleted_first_is_counted_and_the_rest_goes(world, there, tmp_path):
    archiver = world.archiver(**one_folder(there))
    records = [world.segment(number, 100_000) for number in range(3)]
    for record in records:
        await archiver.segment_sealed(record)
    (tmp_path / "segments" / records[1].path).unlink()
    world.forward(31)
    await archiver.round()
    await archiver.round()
    status = await FilecoinArchive(archiver).status()
    assert (status.missed, status.verified) == (1, 1)
    assert (await restored(world, archiver, tmp_path / "bare")).segments == 2
    await archiver.close()


async def test_a_place_that_is_away_is_waited_for(world, there):
    archiver = world.archiver(**one_folder(there))
    await archiver.segment_sealed(world.segment(1, 1000))
    world.forward(31)
    there.rmdir()
    await archiver.round()
    (place,) = (await FilecoinArchive(archiver).status()).places
    assert "is not there" in place.problem
    there.mkdir()
    await archiver.round()
    assert (await FilecoinArchive(archiver).status()).verified == 0  # not yet: it waits a little first
    world.forward(1)
    await archiver.round()
    (place,) = (await FilecoinArchive(archiver).status()).places
    assert (place.verified, place.problem) == (1, "")
    await archiver.close()


async def test_a_copy_that_rots_is_found_and_brought_again_from_another(world, there, tmp_path):
    (tmp_path / "second").mkdir()
    places = {"folder": {"nas": {"path": str(there)}, "second": {"path": str(tmp_path / "second")}}}
    archiver = world.archiver(**places)
    await archiver.segment_sealed(world.segment(1, 500_000))
    world.forward(31)
    await archiver.round()
    assert list((tmp_path / "plugins/filecoin/spool").glob("*.pack*")) == []
    (path,) = there.iterdir()
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    assert await archiver.scrub(1.0) == 1
    status = await FilecoinArchive(archiver).status()
    assert status.verified == 0
    world.forward(1)
    await archiver.round()
    assert (await FilecoinArchive(archiver).status()).verified == 1
    assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()
    assert await archiver.scrub(1.0) == 0
    await archiver.close()


async def test_a_lying_copy_is_not_believed_when_restoring(world, there, tmp_path):
    (tmp_path / "second").mkdir()
    archiver = world.archiver(folder={"nas": {"path": str(there)}, "second": {"path": str(tmp_path / "second")}})
    record = world.segment(1, 500_000)
    await archiver.segment_sealed(record)
    world.forward(31)
    await archiver.round()
    (path,) = there.iterdir()
    data = bytearray(path.read_bytes())
    data[300_000] ^= 1
    path.write_bytes(data)
    done = await restored(world, archiver, tmp_path / "bare")
    assert (done.segments, done.problems) == (1, ())
    (tmp_path / "second" / path.name).unlink()
    done = await restored(world, archiver, tmp_path / "bare2")
    assert (done.packs, done.segments, len(done.problems)) == (0, 0, 1)
    await archiver.close()


async def test_packs_of_others_are_left_alone(world, there, tmp_path):
    archiver = world.archiver(**one_folder(there))
    await archiver.segment_sealed(world.segment(1, 1000))
    world.forward(31)
    await archiver.round()
    stranger = World(tmp_path / "else")
    done = await FilecoinArchive(archiver).restore(tmp_path / "bare", stranger.open_key, lambda _: None, {})
    assert (done.packs, done.foreign, done.problems) == (0, 1, ())
    (there / "bafything.car").write_bytes(b"no CAR at all")
    done = await restored(world, archiver, tmp_path / "bare")
    assert done.segments == 1
    await archiver.close()


async def test_a_pack_that_names_a_path_elsewhere_writes_nothing(world, there, tmp_path):
    archiver = world.archiver(**one_folder(there))
    record = world.segment(1, 1000)
    (tmp_path / "evil.pgs").write_bytes((tmp_path / "segments" / record.path).read_bytes())
    await archiver.segment_sealed(replace(record, path="../evil.pgs"))
    world.forward(31)
    await archiver.round()
    done = await restored(world, archiver, tmp_path / "bare/segments")
    assert done.segments == 0
    assert "no segment" in done.problems[0]
    assert not (tmp_path / "bare/evil.pgs").exists()
    await archiver.close()


async def test_the_spool_has_a_limit(world, there, tmp_path):
    there.rmdir()
    archiver = world.archiver(**one_folder(there, spool_gb=0.0032))
    for number in range(8):
        await archiver.segment_sealed(world.segment(number, 900_000))
    await archiver.round()
    assert len(list((tmp_path / "plugins/filecoin/spool").glob("*.pack*"))) == 3
    assert (await FilecoinArchive(archiver).status()).waiting == 5
    await archiver.close()


async def test_a_restart_in_the_middle_loses_nothing_and_doubles_nothing(world, there, tmp_path, monkeypatch):
    archiver = world.archiver(**one_folder(there))
    for number in range(3):
        await archiver.segment_sealed(world.segment(number, 900_000))

    def killed(*_):
        raise Killed

    monkeypatch.setattr(archiver.ledger, "add_pack", killed)  # the file is there, the ledger does not know it
    with pytest.raises(Killed):
        await archiver.round()
    await archiver.close()
    assert len(list((tmp_path / "plugins/filecoin/spool").glob("*.pack*"))) == 1
    archiver = world.archiver(**one_folder(there))
    world.forward(31)
    await archiver.round()
    status = await FilecoinArchive(archiver).status()
    assert (status.packs, status.verified, status.waiting) == (3, 3, 0)
    assert (await restored(world, archiver, tmp_path / "bare")).segments == 3
    await archiver.close()


async def test_what_was_sealed_while_nobody_listened_is_found_in_the_index(world, there):
    archiver = world.archiver(**one_folder(there))
    await archiver.prepare()
    await archiver.close()
    missed = [world.segment(number, 1000) for number in range(3)]  # no hook tells of them
    world.forward(0.2)
    archiver = world.archiver(**one_folder(there))
    await archiver.prepare()
    assert archiver.ledger.waiting_size()[0] == len(missed)
    late = world.segment(12, 1000)
    world.forward(1.5)
    await archiver.prepare()
    assert late.header.segment_id in {one.header.segment_id for one in archiver.ledger.waiting()}
    await archiver.close()


async def test_a_new_place_gets_what_is_there_already(world, there, tmp_path):
    archiver = world.archiver(**one_folder(there))
    await archiver.segment_sealed(world.segment(1, 1000))
    world.forward(31)
    await archiver.round()
    await archiver.close()
    (tmp_path / "second").mkdir()
    archiver = world.archiver(folder={"nas": {"path": str(there)}, "second": {"path": str(tmp_path / "second")}})
    await archiver.round()
    assert len(list((tmp_path / "second").iterdir())) == 1
    await archiver.close()


async def test_nothing_public_without_a_word(world, tmp_path):
    kubo = {"kubo": {"node": {"url": "http://127.0.0.1:1"}}}
    archiver = world.archiver(**kubo)
    await archiver.segment_sealed(world.segment(1, 1000))
    world.forward(31)
    await archiver.round()
    status = await FilecoinArchive(archiver).status()
    assert "public for ever" in status.notice
    assert "accept_public" in status.held_back
    assert status.places[0].problem == ""  # it was not even tried
    await archiver.close()
    archiver = world.archiver(accept_public=True, **kubo)
    await archiver.round()
    status = await FilecoinArchive(archiver).status()
    assert (status.held_back, bool(status.notice)) == ("", True)
    assert "ClientConnectorError" in status.places[0].problem
    await archiver.close()


def test_a_copy_goes_no_way_that_the_table_does_not_have():
    copy = Copy(1, "a", State.WAITING, {})
    with pytest.raises(ValueError, match="does not go"):
        copy.moved(State.VERIFIED)
    assert all(State.WAITING in NEXT[state] for state in State if state is not State.WAITING)
    assert [state for state in State if State.VERIFIED in NEXT[state]] == [State.COMMITTED]


def test_waits_grow_with_chance_and_end():
    wait = 0.0
    for _ in range(30):
        wait = next_wait_s(wait, 1.0)
    assert wait == 3600
    assert next_wait_s(100, 0.0) == 5
    assert 5 < next_wait_s(100, 0.5) < 300


def test_the_breaker_opens_and_a_clock_set_back_does_not_hold_it():
    breaker = Breaker()
    for _ in range(3):
        breaker = breaker.failed(10_000_000_000)
    assert not breaker.allows(10_000_000_001)
    assert breaker.allows(10_000_000_000 + 60_000_000)
    assert breaker.allows(0)
    assert breaker.succeeded() == Breaker()
