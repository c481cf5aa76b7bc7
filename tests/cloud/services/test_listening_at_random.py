"""Tenants who come, listen, go and have news at random, in two processes of one cloud: each hears its own, all of it, in order, once.

A short while by default; `GUARDIAN_TEST_LISTEN_MINUTES=60` listens for an hour.
"""

import asyncio
import os
import time
import uuid
from contextlib import AsyncExitStack

import pytest
import sqlalchemy as sa
from guardian_cloud.ca.authority import Identity
from guardian_cloud.ephemeral.memory import MemoryEphemeral
from guardian_cloud.ephemeral.redis import RedisEphemeral
from guardian_cloud.index import tables
from guardian_cloud.index.engine import open_store
from guardian_cloud.services.happenings import Happenings, news_channel
from guardian_cloud.services.news import WAITING, News
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, rule, run_state_machine_as_test

from guardian.platform.clock import SystemClock
from guardian.protocol.v1.events_pb2 import EventBatch
from tests.support.cloud_people import make_event

MINUTES = float(os.environ.get("GUARDIAN_TEST_LISTEN_MINUTES", "0"))
TENANTS = 4
WITHIN_S = 10.0
HOW = settings(
    max_examples=12,
    stateful_step_count=30,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate,),  # a lost word is waited for WITHIN_S: making the example smaller would take an hour itself
    print_blob=True,
)


class Heard:
    """One who listens."""

    def __init__(self, tenant, stack, listener, upto):
        self.tenant, self.stack, self.listener, self.upto = tenant, stack, listener, upto
        self.ids, self.seqs = [], []

    def take(self):
        while self.listener.pieces:
            for event in self.listener.pieces.popleft().events:
                self.ids.append(event.id)
                self.seqs.append(event.seq)


class Cloud:
    """Two processes of one cloud, on a loop of their own."""

    def __init__(self, made, ephemerals):
        self.loop, self.clock = asyncio.new_event_loop(), SystemClock()
        self.store = self.do(self._opened(made))
        self.ephemerals = [self.do(self._made(one)) for one in ephemerals]
        self.happenings = [Happenings(self.store, one, self.clock) for one in self.ephemerals]

    async def _opened(self, made):
        return open_store(made)

    async def _made(self, make):
        return make(self.clock)

    def do(self, work):
        return self.loop.run_until_complete(work)

    def close(self):
        for one in {id(one): one for one in self.ephemerals}.values():
            self.do(one.close())
        self.do(self.store.close())
        self.loop.close()


class Listening(RuleBasedStateMachine):
    """The game."""

    cloud: Cloud
    heard = Bundle("heard")

    @initialize()
    def begin(self):
        self.news = [News(one, self.cloud.ephemerals[at], self.cloud.clock) for at, one in enumerate(self.cloud.happenings)]
        self.who = [Identity(str(uuid.uuid4()), "relay", str(uuid.uuid4()), 1 << 60) for _ in range(TENANTS)]
        self.said, self.there, self.place = [[] for _ in self.who], [], 0
        self.cloud.do(self._homes())
        for tenant in range(TENANTS):  # some are always there, so that there is always somebody to hear what is not theirs
            self.come(tenant, tenant % 2)

    async def _homes(self):
        for one in self.who:
            async with self.cloud.store.tenant(one.tenant) as connection:
                await connection.execute(sa.insert(tables.tenants).values(tenant_id=one.tenant, name="home", made_us=1))

    @rule(target=heard, tenant=st.integers(0, TENANTS - 1), process=st.integers(0, 1))
    def comes(self, tenant, process):
        return self.come(tenant, process)

    def come(self, tenant, process):
        one = self.cloud.do(self._come(tenant, process))
        self.there.append(one)
        return one

    async def _come(self, tenant, process):
        stack = AsyncExitStack()
        listener, upto = await stack.enter_async_context(self.news[process].listen(self.who[tenant].tenant))
        return Heard(tenant, stack, listener, upto)

    @rule(one=consumes(heard))
    def go(self, one):
        self.there.remove(one)
        self.cloud.do(one.stack.aclose())
        one.take()
        self._own(one)

    @rule(tenant=st.integers(0, TENANTS - 1), process=st.integers(0, 1), count=st.integers(1, 3), again=st.booleans())
    def happens(self, tenant, process, count, again):
        events = [make_event() for _ in range(count)]
        self.place += 1000
        work = self.cloud.happenings[process]
        for _ in range(2 if again else 1):  # a relay that heard no acknowledgement says it again
            self.cloud.do(work.take(self.who[tenant], EventBatch(first=self.place, events=events)))
        self.said[tenant] += [bytes(one.id) for one in events]

    @rule(tenant=st.integers(0, TENANTS - 1), process=st.integers(0, 1), word=st.sampled_from([b"fleet", b"events", b""]))
    def word(self, tenant, process, word):
        self.cloud.do(self.cloud.ephemerals[process].tell(news_channel(self.who[tenant].tenant), word))

    @rule()
    def look(self):
        self.cloud.do(self._settled())
        for one in self.there:
            self._own(one)

    async def _settled(self):
        """Everybody has heard what was said of theirs."""
        until_s = time.monotonic() + WITHIN_S
        while True:
            for one in self.there:
                one.take()
            lacking = [one for one in self.there if len(one.ids) < len(await self._due(one))]
            if not lacking or time.monotonic() > until_s:
                break
            await asyncio.sleep(0.01)
        for one in self.there:
            assert one.ids == await self._due(one), "all of it, in order, once"
            assert not one.listener.ended

    async def _due(self, one):
        found = await self.cloud.happenings[0].after(self.who[one.tenant].tenant, one.upto, 10_000)
        return [event.id for event in found]

    def _own(self, one):
        assert set(one.ids) <= set(self.said[one.tenant]), "somebody heard what is another's"
        assert one.seqs == sorted(set(one.seqs))
        assert len(one.listener.pieces) <= WAITING

    def teardown(self):
        if not hasattr(self, "there"):
            return
        try:
            self.look()
        finally:
            for one in self.there:
                self.cloud.do(one.stack.aclose())
            for one in self.news:
                self.cloud.do(one.close())


@pytest.fixture(params=["alone", "on servers"])
def cloud(request):
    if request.param == "alone":
        shared = MemoryEphemeral(SystemClock())
        one = Cloud(request.getfixturevalue("settings"), [lambda _: shared] * 2)
    else:
        url = request.getfixturevalue("redis").url
        one = Cloud(request.getfixturevalue("pg_settings"), [lambda clock: RedisEphemeral(url, clock)] * 2)
    yield one
    one.close()


@pytest.mark.timeout(120 + MINUTES * 90)
def test_who_listens_hears_their_own_all_of_it_in_order_and_nothing_else(cloud):
    machine = type("ListeningHere", (Listening,), {"cloud": cloud})
    until_s = time.monotonic() + MINUTES * 60
    while True:
        run_state_machine_as_test(machine, settings=HOW)
        if time.monotonic() >= until_s:
            return
