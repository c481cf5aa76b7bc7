"""The cloud: taking events on PostgreSQL with row-level security beside a bare loop of batched inserts, and telling 2,000 listeners.

Both sides of the first write the same rows, in batches of the same size, durably, into databases of one cluster, in turns: what the
cloud does beside inserting (policies, numbering, its place in the relay's outbox, its own outbox) is what is measured.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import resource
import time
import uuid

import psutil
import pytest
from guardian_cloud.ca.authority import Identity
from guardian_cloud.ephemeral.memory import MemoryEphemeral
from guardian_cloud.index import fleet, people
from guardian_cloud.index.engine import open_store
from guardian_cloud.index.fleet import Device
from guardian_cloud.index.migrate import migrate
from guardian_cloud.processes.cloud import running
from guardian_cloud.services.happenings import Happenings
from guardian_cloud.settings.schema import Limits, Settings, Store
from pydantic import SecretStr

from guardian.platform.clock import SystemClock
from guardian.protocol.v1.events_pb2 import EventBatch
from tests.bench.figures import Figure, publish
from tests.cloud.conftest import complete
from tests.support import postgres as pg
from tests.support.cloud_people import Browser, Relay, batch, make_event, next_of
from tests.support.oidc_provider import OidcProvider

pytestmark = pytest.mark.bench
BUDGET = 0.7
BATCH, BATCHES, ROUNDS, WRITERS = 200, 20, 5, 4
LISTENERS, EVENTS = 2000, 20
SERIAL = re.compile(rb'"serial":(\d+)')

BARE_TABLE = """
CREATE TABLE bare (tenant_id uuid NOT NULL, event_id bytea NOT NULL, seq bigint NOT NULL, device_id uuid NOT NULL, camera bytea NOT NULL,
  serial bigint NOT NULL, time_s bigint NOT NULL, kind int NOT NULL, size int NOT NULL, sealed bytea NOT NULL, received_us bigint NOT NULL,
  PRIMARY KEY (tenant_id, event_id), UNIQUE (tenant_id, seq))
"""
BARE_INSERT = """
INSERT INTO bare SELECT $1::uuid, e.id, e.seq, $2::uuid, e.camera, e.serial, e.time_s, e.kind, e.size, e.sealed, $3::bigint
FROM unnest($4::bytea[], $5::bigint[], $6::bytea[], $7::bigint[], $8::bigint[], $9::int[], $10::int[], $11::bytea[])
  AS e (id, seq, camera, serial, time_s, kind, size, sealed) ON CONFLICT DO NOTHING
"""


@pytest.fixture
def cluster():
    if reason := pg.why_not():
        pytest.skip(reason)
    one = pg.Postgres(durable=True)
    one.start()
    yield one
    one.stop()


def batches():
    """Serialised, as they come from the wire."""
    made = []
    for number in range(BATCHES):
        events = [make_event(number * BATCH + place + 1) for place in range(BATCH)]
        made.append(EventBatch(first=number * BATCH + 1, events=events).SerializeToString())
    return made


async def bare(pool, tenants, work):
    """What anybody would write first."""

    async def write(tenant, mine):
        device, seq = str(uuid.uuid4()), 0
        for raw in mine:
            events = EventBatch.FromString(raw).events
            async with pool.acquire() as connection, connection.transaction():
                await connection.execute(
                    BARE_INSERT,
                    tenant,
                    device,
                    time.time_ns() // 1000,
                    [one.id for one in events],
                    list(range(seq, seq + len(events))),
                    [one.camera for one in events],
                    [one.serial for one in events],
                    [one.time_s for one in events],
                    [one.kind for one in events],
                    [one.size for one in events],
                    [one.sealed for one in events],
                )
            seq += len(events)

    await asyncio.gather(*(write(*one) for one in zip(tenants, work, strict=True)))


async def ours(happenings, identities, work):
    async def write(identity, mine):
        for raw in mine:
            taken = await happenings.take(identity, EventBatch.FromString(raw))
            assert taken.new == BATCH

    await asyncio.gather(*(write(*one) for one in zip(identities, work, strict=True)))


def cpu_s(cluster):
    """CPU seconds of this process and of PostgreSQL's: what others do on this machine does not count."""
    server = psutil.Process(cluster.pid)
    spent = time.process_time()
    for one in [server, *server.children()]:
        with contextlib.suppress(psutil.NoSuchProcess):
            spent += sum(one.cpu_times()[:2])
    return spent


async def homes(store, clock):
    made = []
    for _ in range(WRITERS):
        tenant, device = str(uuid.uuid4()), str(uuid.uuid4())
        async with store.tenant(tenant) as connection:
            await people.add_tenant(connection, tenant, "home", 1)
            row = Device(device, "relay", "relay", None, 1, 1 << 60, 0, "", None, False, None, None)
            await fleet.add_device(connection, tenant, row)
        made.append(Identity(tenant, "relay", device, 1 << 60))
    return made


async def test_taking_events_is_at_least_seven_tenths_of_a_bare_loop(cluster, tmp_path):
    import asyncpg

    database = cluster.new_database()
    urls = {"url": SecretStr(cluster.url(database)), "owner_url": SecretStr(cluster.url(database, pg.OWNER))}
    settings = Settings(data_dir=tmp_path, store=Store(**urls, pool=WRITERS))
    await migrate(settings)
    store, clock = open_store(settings), SystemClock()
    happenings = Happenings(store, MemoryEphemeral(clock), clock)
    plain = cluster.new_database()
    pool = await asyncpg.create_pool(
        host="127.0.0.1",
        port=cluster.port,
        user=pg.OWNER,
        password=pg.PASSWORD,
        database=plain,
        min_size=WRITERS,
        max_size=WRITERS,
    )
    await pool.execute(BARE_TABLE)
    times = {"bare": [], "ours": []}
    cpu = {"bare": [], "ours": []}
    for number in range(ROUNDS + 1):
        for name in ("bare", "ours") if number % 2 else ("ours", "bare"):
            work, identities = [batches() for _ in range(WRITERS)], await homes(store, clock)
            start, start_cpu = time.monotonic(), cpu_s(cluster)
            if name == "bare":
                await bare(pool, [one.tenant for one in identities], work)
            else:
                await ours(happenings, identities, work)
            if number:  # the first warms both
                times[name].append(time.monotonic() - start)
                cpu[name].append(cpu_s(cluster) - start_cpu)
    await pool.close()
    await store.close()
    count = BATCH * BATCHES * WRITERS
    spent = {name: round(1e6 * min(found) / count, 1) for name, found in cpu.items()}
    best = {name: count / min(found) for name, found in times.items()}
    ratio = best["ours"] / best["bare"]
    publish(
        "cloud-ingest",
        Figure(
            "events kept on PostgreSQL with row-level security",
            round(best["ours"]),
            "events/s",
            round(best["bare"]),
            "bare asyncpg",
        ),
        Figure("ingest against bare asyncpg", round(ratio, 3), "times", 1.0, "bare asyncpg", BUDGET, at_least=True),
        Figure("CPU an event, ours and PostgreSQL's", spent["ours"], "µs", spent["bare"], "bare asyncpg"),
    )


class Ear(asyncio.Protocol):
    """A listener that costs little: it looks for serial numbers in what comes."""

    def __init__(self, request, sent, delays):
        self.request, self.sent, self.delays, self.ready, self.rest = request, sent, delays, False, b""

    def connection_made(self, transport):
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data):
        self.ready = self.ready or b"retry:" in data
        *whole, self.rest = (self.rest + data).split(b"\n\n")
        for piece in whole:
            if found := SERIAL.search(piece):
                self.delays.append(time.monotonic() - self.sent[int(found[1])])


async def loop_connect(ear, port):
    await asyncio.get_running_loop().create_connection(lambda: ear, "127.0.0.1", port)


async def test_two_thousand_listeners_hear_each_event(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * LISTENERS + 500
    if hard < needed:
        pytest.skip(f"{needed} open files are needed, {hard} are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    provider = await OidcProvider().start()
    provider.add("olga")
    settings = Settings(data_dir=tmp_path)
    await migrate(settings)
    limits = Limits(api_per_s=1e6, streams_per_member=LISTENERS, enrol_per_minute=100)
    async with running(complete(settings, provider, limits=limits)) as found:
        owner = await Browser(f"http://127.0.0.1:{found.web_port}", provider, "olga").login()
        tenant = (await owner.post("/tenants", {"name": "Home"}))["tenant"]
        code = (await owner.post(f"/tenants/{tenant}/devices/codes", {"role": "relay", "name": "Relay"}))["code"]
        relay = await Relay.enrol(owner.base, code)
        call, _ = await relay.open()
        sent, delays = {}, []
        cookie = "; ".join(f"{one.key}={one.value}" for one in owner.http.cookie_jar)
        request = f"GET /api/v1/tenants/{tenant}/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n\r\n".encode()
        ears = [Ear(request, sent, delays) for _ in range(LISTENERS)]
        for start in range(0, LISTENERS, 100):
            connecting = (loop_connect(one, found.web_port) for one in ears[start : start + 100])
            await asyncio.gather(*connecting)
        async with asyncio.timeout(120):
            while not all(one.ready for one in ears):
                await asyncio.sleep(0.05)
        spent = time.process_time()
        for number in range(1, EVENTS + 1):
            sent[number] = time.monotonic()
            await call.write(batch(number, make_event(number)))
            await next_of(call, "ack")
            await asyncio.sleep(0.5)
        async with asyncio.timeout(120):
            while len(delays) < LISTENERS * EVENTS:
                await asyncio.sleep(0.05)
        spent = time.process_time() - spent
        for one in ears:
            one.transport.close()
        await relay.close()
        await owner.close()
    await provider.stop()
    delays.sort()
    assert len(delays) == LISTENERS * EVENTS
    p50, p99 = (round(1000 * delays[int(len(delays) * part)]) for part in (0.5, 0.99))
    said = f"{LISTENERS} listeners, {EVENTS} events, server and clients in one process"
    publish(
        "cloud-sse",
        Figure("an event sent by a relay is heard, median", p50, "ms", baseline_is=said),
        Figure("an event sent by a relay is heard, 99 of 100", p99, "ms", budget=2000),
        Figure("CPU a message, server's and client's", round(1e6 * spent / len(delays), 1), "µs"),
    )
