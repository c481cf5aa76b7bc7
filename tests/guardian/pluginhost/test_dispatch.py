import asyncio

import pytest

from guardian.hookspecs import POLICIES, Policy
from guardian.model.errors import BadSetting
from guardian.platform.clock import SystemClock
from guardian.platform.tasks import Tasks
from guardian.pluginhost.dispatch import Dispatcher, ObserverQueue, declared
from guardian.pluginhost.loading import new_hook_manager, register
from guardian.sdk import hookimpl


class Good:
    def __init__(self):
        self.seen = []

    @hookimpl
    async def event_started(self, event):
        self.seen.append(event)

    @hookimpl
    def event_ended(self):
        self.seen.append("ended")


class Raises:
    @hookimpl
    async def event_started(self, event):
        raise RuntimeError("boom")


class Hangs:
    @hookimpl
    async def event_started(self, event):
        await asyncio.sleep(60)


@pytest.fixture
async def host(monkeypatch):
    monkeypatch.setitem(POLICIES, "event_started", Policy("observe", 0.05, 4))
    tasks, manager = Tasks(), new_hook_manager()
    dispatcher = Dispatcher(manager, SystemClock(), tasks)

    def add(name, plugin):
        hooks = register(manager, name, plugin)
        dispatcher.add(name, plugin)
        return hooks

    yield dispatcher, add
    await tasks.close()


async def settle(condition):
    for _ in range(200):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("did not happen")


async def test_one_bad_plugin_takes_nothing_from_another(host):
    dispatcher, add = host
    good = Good()
    add("a-raises", Raises())
    add("b-hangs", Hangs())
    add("c-good", good)
    for n in range(5):
        dispatcher.observe("event_started", event=n)
    await settle(lambda: good.seen == [0, 1, 2, 3, 4])
    await settle(lambda: dispatcher.queues["a-raises"].breaker.total_failures == 3)
    await settle(lambda: dispatcher.queues["b-hangs"].breaker.total_failures >= 1)


async def test_a_hook_gets_only_the_arguments_it_asks_for(host):
    dispatcher, add = host
    good = Good()
    add("good", good)
    dispatcher.observe("event_ended", event="x")
    await settle(lambda: good.seen == ["ended"])


async def test_answers_of_all_come_back_by_name(host):
    dispatcher, add = host

    class Finds:
        @hookimpl
        async def discover_cameras(self):
            return ["cam"]

    class Fails:
        @hookimpl
        async def discover_cameras(self):
            raise OSError("no bus")

    add("finds", Finds())
    add("fails", Fails())
    assert await dispatcher.all_of("discover_cameras") == {"finds": ["cam"]}


def test_when_full_updates_go_and_starts_stay():
    queue = ObserverQueue("p", object(), 2, SystemClock())
    for hook, n in (
        ("event_started", 1),
        ("event_updated", 1),
        ("event_updated", 2),
        ("event_ended", 1),
        ("event_updated", 3),
    ):
        queue.put(hook, {"event": n})
    assert [(hook, a["event"]) for hook, a in queue._calls] == [("event_started", 1), ("event_ended", 1)]
    assert queue.dropped == 3


def test_a_misspelt_hook_is_refused_by_name():
    class Misspelt:
        @hookimpl
        async def event_begun(self, event):
            pass

    with pytest.raises(BadSetting, match="event_begun"):
        register(new_hook_manager(), "misspelt", Misspelt())


def test_an_argument_with_a_default_is_refused():
    class Defaulted:
        @hookimpl
        async def event_started(self, event=None):
            pass

    with pytest.raises(BadSetting, match="never be passed"):
        register(new_hook_manager(), "defaulted", Defaulted())


def test_a_declare_hook_that_raises_declares_nothing():
    class Broken:
        def register_cameras(self):
            raise ValueError("no")

    problems = []
    assert declared("broken", Broken(), "register_cameras", problems.append) == ()
    assert problems == ["plugin broken: register_cameras failed: ValueError: no"]
