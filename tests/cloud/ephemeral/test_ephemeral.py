"""Both kinds keep the same promises."""

import asyncio

import pytest
from guardian_cloud.ephemeral.contract import MOST_WAITING, Rate
from guardian_cloud.ephemeral.gcra import step
from guardian_cloud.ephemeral.memory import MemoryEphemeral
from guardian_cloud.ephemeral.redis import RedisEphemeral
from guardian_cloud.model.errors import Unavailable
from hypothesis import given
from hypothesis import strategies as st

from guardian.platform.clock import SystemClock
from tests.support import redis_server


@pytest.fixture(params=["memory", "redis"])
async def ephemeral(request):
    if request.param == "memory":
        one = MemoryEphemeral(SystemClock())
    else:
        one = RedisEphemeral(request.getfixturevalue("redis").url, SystemClock())
    yield one
    await one.close()


async def test_a_value_is_kept_taken_once_and_dropped(ephemeral):
    await ephemeral.put("a", b"1", 60)
    assert await ephemeral.get("a") == b"1"
    assert await ephemeral.take("a") == b"1"
    assert await ephemeral.take("a") is None
    await ephemeral.put("a", b"2", 60)
    await ephemeral.drop("a")
    assert await ephemeral.get("a") is None
    await ephemeral.put("b", b"3", 1)
    await asyncio.sleep(1.1)
    assert await ephemeral.get("b") is None


async def test_of_many_who_take_at_once_one_gets_it(ephemeral):
    await ephemeral.put("once", b"1", 60)
    got = await asyncio.gather(*(ephemeral.take("once") for _ in range(20)))
    assert sorted(got, key=bool) == [None] * 19 + [b"1"]


async def test_a_limit_lets_a_burst_through_and_then_makes_wait(ephemeral):
    rate = Rate(per_s=0.5, burst=3)
    waits = [await ephemeral.wait_s("k", rate) for _ in range(4)]
    assert waits[:3] == [0, 0, 0]
    assert 1.5 < waits[3] <= 2
    assert await ephemeral.wait_s("other", rate) == 0


async def test_words_reach_who_listens_to_that_channel(ephemeral):
    async with ephemeral.listen("one") as one, ephemeral.listen("two") as two, ephemeral.listen("one") as again:
        await ephemeral.tell("one", b"word")
        await ephemeral.tell("two", b"other")
        async with asyncio.timeout(5):
            assert await anext(aiter(one)) == b"word"
            assert await anext(aiter(two)) == b"other"
            assert await anext(aiter(again)) == b"word"
    await ephemeral.tell("one", b"to nobody")


async def test_who_does_not_keep_up_is_told_that_words_are_missing():
    ephemeral = MemoryEphemeral(SystemClock())
    async with ephemeral.listen("c") as words:
        for number in range(MOST_WAITING + 5):
            await ephemeral.tell("c", str(number).encode())
        heard = aiter(words)
        assert await anext(heard) is None
        assert await anext(heard) == str(MOST_WAITING + 1).encode()


async def test_a_redis_that_is_away_is_said_so_and_comes_back(tmp_path):
    if reason := redis_server.why_not():
        pytest.skip(reason)
    server = redis_server.RedisServer(tmp_path).start()
    ephemeral = RedisEphemeral(server.url, SystemClock())
    async with ephemeral.listen("c") as words:
        await ephemeral.tell("c", b"before")
        heard = aiter(words)
        async with asyncio.timeout(10):
            assert await anext(heard) == b"before"
            server.stop()
            with pytest.raises(Unavailable):
                await ephemeral.get("x")
            assert await anext(heard) is None  # look for yourself: words may be missing
            server.start()
            while True:
                try:
                    await ephemeral.tell("c", b"after")
                    break
                except Unavailable:
                    await asyncio.sleep(0.1)
        async with asyncio.timeout(20):
            word = None
            while word != b"after":
                waiting = asyncio.ensure_future(anext(heard))
                while not waiting.done():
                    await ephemeral.tell("c", b"after")
                    await asyncio.wait({waiting}, timeout=0.3)
                word = waiting.result()
    await ephemeral.close()
    server.stop()


@given(st.lists(st.floats(0, 5), min_size=1, max_size=60), st.floats(0.1, 20), st.integers(1, 10))
def test_never_more_than_burst_and_rate(gaps, per_s, burst):
    rate, empty, now, allowed = Rate(per_s, burst), 0.0, 100.0, []
    for gap in gaps:
        now += gap
        empty, wait = step(empty, now, rate)
        if wait == 0:
            allowed.append(now)
        else:
            assert step(empty, now + wait + 1e-6, rate)[1] == 0
    for first, start in enumerate(allowed):
        for last in range(first, len(allowed)):
            assert last - first + 1 <= burst + (allowed[last] - start) * per_s + 1 + 1e-6
