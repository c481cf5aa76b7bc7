"""How plugins begin in the conductor: what they are given, what they hear at the start, jobs that fail and go on."""

import asyncio

import pytest

from guardian.interfaces import ArchiveKind, Job
from guardian.model.archive import ArchivePlace, ArchiveStatus
from guardian.model.errors import BadSetting, ServiceUnavailable
from guardian.model.health import Health
from guardian.model.views import Hold
from guardian.platform.clock import SystemClock
from guardian.platform.tasks import Tasks
from guardian.pluginhost.dispatch import Dispatcher
from guardian.pluginhost.loading import new_hook_manager, register
from guardian.pluginhost.registry import ContextMaker, PluginEntry
from guardian.processes import plugin_life
from guardian.sdk import Plugin, PluginConfig, hookimpl
from guardian.services.archives import ArchiveService
from guardian.vault import hpke, plugin_keys


class Holds:
    protected = None

    async def list(self):
        return (Hold("h1", "front", 0, 1, "", 0),)


class Listens(Plugin):
    def __init__(self, config, context):
        super().__init__(config, context)
        self.heard, self.ran = [], 0

    @hookimpl
    async def startup(self):
        self.heard.append("startup")

    @hookimpl
    async def footage_protected(self, hold):
        self.heard.append(hold.id)

    async def work(self):
        self.ran += 1
        if self.ran == 1:
            raise RuntimeError("the first time it fails")


class Registry:
    def __init__(self, plugin, jobs):
        self.manager = new_hook_manager()
        register(self.manager, "listens", plugin)
        self.entries = [PluginEntry(type("F", (), {"name": "listens"}), "running", instance=plugin)]
        self.jobs = jobs


async def until(condition):
    for _ in range(300):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("did not happen")


async def test_a_plugin_hears_what_is_protected_already_and_its_jobs_outlive_a_failure(tmp_path):
    plugin, tasks, holds = Listens(PluginConfig(), ContextMaker(tmp_path).make("listens")), Tasks(), Holds()
    registry = Registry(plugin, [("listens", Job("work", 0.01, plugin.work))])
    dispatcher = Dispatcher(registry.manager, SystemClock(), tasks)
    await plugin_life.begin(registry, dispatcher, holds, SystemClock(), tasks)
    await until(lambda: plugin.ran >= 3 and len(plugin.heard) == 2)
    holds.protected(Hold("h2", "front", 0, 1, "", 0))
    await until(lambda: len(plugin.heard) == 3)
    assert plugin.heard == ["startup", "h1", "h2"]
    await tasks.close()


async def test_what_a_context_offers_is_filled_in_later_and_refused_before(tmp_path):
    contexts = ContextMaker(tmp_path)
    context = contexts.make("archive")
    for call in (
        lambda: context.seal_key(bytes(32)),
        lambda: context.segments("a", "main", 0, 1),
        lambda: context.events(0),
    ):
        with pytest.raises(BadSetting, match="does not offer"):
            call()
    private, public = hpke.generate()
    keyring = type("K", (), {"public_key": public})
    cameras = type("C", (), {"list": staticmethod(lambda: ())})
    record = type("R", (), {"complete": True})()
    growing = type("R", (), {"complete": False})()

    class Catalogue:
        async def overlapping(self, *span):
            assert span == ("front", "main", 0, 1)
            return (record, growing)

    recordings = type("S", (), {"catalogue": Catalogue()})

    async def since(start_us):
        return (start_us, "an event")

    events = type("E", (), {"since": staticmethod(since)})
    plugin_life.offer(contexts, tmp_path, cameras, recordings, events, keyring)
    assert await context.events(7) == (7, "an event")
    assert plugin_keys.opened(context.seal_key(bytes(32)), "archive", [private]) == bytes(32)
    assert await context.segments("front", "main", 0, 1) == (record,)
    assert context.clock.now().utc_us > 1_700_000_000_000_000
    assert context.cameras() == ()


PLACE = ArchivePlace("nas", "folder", False, 1, 1, 1, "it is away", "Mount it.")
STATUS = ArchiveStatus("a", "Archive", (PLACE,), (), 1, 0, 0, 0, 0, "Public.", "Say so.")


class Works:
    closed = False

    async def status(self):
        return STATUS

    async def close(self):
        self.closed = True
        raise RuntimeError("even at the end")


def broken():
    raise ServiceUnavailable("its file is gone")


async def test_archives_are_asked_and_a_broken_one_is_a_finding():
    works = Works()
    service = ArchiveService([ArchiveKind("a", "Archive", lambda: works), ArchiveKind("b", "Other", broken)], SystemClock())
    assert service.findings() == ()
    assert await service.status() == (STATUS,)
    found = {(one.check, one.health, one.message) for one in service.findings()}
    assert found == {
        ("archive a nas", Health.WARNING, "Archive: it is away"),
        ("archive a", Health.INFO, "Archive waits for your word"),
        ("archive b", Health.WARNING, "Other: its file is gone"),
    }
    await service.close()
    assert works.closed
