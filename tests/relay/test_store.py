"""Events are kept once, in order, with the edge's place in the same transaction; the cloud gets each until it has said so."""

import pytest
from guardian_relay.errors import RelayError, Unkept
from guardian_relay.index import store as index
from guardian_relay.index.store import EventStore, make_tables, open_engine

from guardian.protocol.v1 import events_pb2 as pb
from tests.support import postgres as support
from tests.support.relay import NOW_MS, event

NOW_US = NOW_MS * 1000


@pytest.fixture(scope="module")
def postgres():
    if why := support.why_not():
        pytest.skip(why)
    cluster = support.Postgres()
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """The same tests on both."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'relay.db'}"
    cluster = request.getfixturevalue("postgres")
    return cluster.url(cluster.new_database(), support.OWNER)


@pytest.fixture
async def engine(url):
    engine = open_engine(url)
    await make_tables(engine, NOW_US)
    yield engine
    await engine.dispose()


@pytest.fixture
def store(engine):
    return EventStore(engine, keep_events=1000, max_events=5000, to_cloud=True)


def numbers(bodies):
    return [int.from_bytes(pb.Event.FromString(body).id) for body in bodies]


async def test_a_repeated_event_is_kept_once(store):
    assert await store.take([event(1), event(2)], 2) == 2
    assert await store.take([event(2), event(3), event(3)], 3) == 1
    assert await store.edge_up_to() == 3
    first, bodies = await store.after(0)
    assert (first, numbers(bodies)) == (NOW_US, [1, 2, 3])


async def test_batch_and_place_are_kept_together_or_not_at_all(store, monkeypatch):
    await store.take([event(1)], 1)
    real = index._set

    async def fails(connection, name, value):
        if name == "edge_up_to":  # the last thing that is written
            raise OSError("the disk is full")
        await real(connection, name, value)

    monkeypatch.setattr(index, "_set", fails)
    with pytest.raises(Unkept, match="OSError"):
        await store.take([event(2)], 2)
    monkeypatch.undo()
    assert (await store.edge_up_to(), await store.count()) == (1, 1)
    assert await store.take([event(2)], 2) == 1


async def test_they_outlive_the_process(store, engine, url):
    await store.take([event(n) for n in range(5)], 5)
    await engine.dispose()
    again = open_engine(url)
    await make_tables(again, NOW_US + 5)
    after = EventStore(again, 1000, 5000, to_cloud=True)
    assert await after.edge_up_to() == 5
    assert numbers((await after.after(0))[1]) == list(range(5))
    assert await after.take([event(4), event(5)], 6) == 1
    assert await after.oldest() == NOW_US
    await again.dispose()


async def test_what_the_cloud_has_is_not_sent_again(store):
    await store.take([event(n) for n in range(4)], 4)
    await store.acknowledged(NOW_US + 1)
    assert await store.waiting() == 2
    first, bodies = await store.after(await store.cloud_up_to())
    assert (first, numbers(bodies)) == (NOW_US + 2, [2, 3])


async def test_a_cloud_that_has_more_than_was_ever_sent_hides_nothing(store):
    """The store was put back from an older copy: its places were given out already, to other events."""
    await store.take([event(n) for n in range(3)], 3)
    await store.acknowledged(NOW_US + 1000)
    first, bodies = await store.after(NOW_US + 1000)
    assert (first, numbers(bodies)) == (NOW_US + 1001, [0, 1, 2])
    await store.take([event(9)], 4)
    assert numbers((await store.after(NOW_US + 1000))[1]) == [0, 1, 2, 9]


async def test_batches_are_bounded(store):
    await store.take([event(n, 65536, size=pb.SIZE_CLASS_64K) for n in range(40)], 40)
    _, bodies = await store.after(0)
    assert 1 < len(bodies) < 40
    assert sum(map(len, bodies)) <= 1 << 20


async def test_what_the_cloud_lacks_stays_however_much_it_is(engine):
    store = EventStore(engine, keep_events=10, max_events=2000, to_cloud=True)
    for start in range(0, 1000, 100):
        await store.take([event(n, 4096) for n in range(start, start + 100)], start + 100)
    assert await store.count() == 1000
    await store.acknowledged(NOW_US + 989)
    for start in range(1000, 1500, 100):
        await store.take([event(n) for n in range(start, start + 100)], start + 100)
    assert numbers((await store.after(0))[1])[0] == 990
    assert store.dropped == 0


async def test_beyond_the_most_the_oldest_go_and_are_counted(engine):
    store = EventStore(engine, keep_events=10, max_events=1000, to_cloud=True)
    for start in range(0, 1500, 100):
        await store.take([event(n) for n in range(start, start + 100)], start + 100)
    assert await store.count() == 1000
    assert store.dropped == 500


async def test_without_a_cloud_the_newest_stay(engine):
    store = EventStore(engine, keep_events=50, max_events=1000, to_cloud=False)
    for start in range(0, 500, 100):
        await store.take([event(n) for n in range(start, start + 100)], start + 100)
    assert await store.count() == 50
    assert numbers((await store.after(0))[1])[0] == 450


def test_a_url_that_leads_nowhere_is_said():
    with pytest.raises(RelayError, match=r"store\.url"):
        open_engine("nonsense://x")


async def test_a_second_edge_with_the_same_keys_is_noticed_and_hides_nothing(store):
    assert await store.edge_begins(0, ()) == (0, False), "an edge that names no run"
    assert await store.edge_begins(11, (11,)) == (0, False), "the first that does"
    await store.take([event(1)], 5)
    assert await store.edge_begins(11, (11,)) == (5, False)
    assert await store.edge_begins(12, (11, 12)) == (5, False), "it was started anew"
    assert await store.edge_begins(21, (11, 21)) == (0, True), "a copy from when it was 11"
    await store.take([event(2)], 90)
    assert await store.edge_begins(12, (12,)) == (0, True), "up to where the copy was is not up to where this one was"
    assert await store.edge_begins(12, (12,)) == (0, False), "also where it was cut before it sent anything"
    await store.take([event(3)], 7)
    assert await store.edge_begins(12, (12,)) == (7, False)
    await store.forget_edge_place()
    assert await store.edge_begins(31, (31,)) == (0, False), "another home"
