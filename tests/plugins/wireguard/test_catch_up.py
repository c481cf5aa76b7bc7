"""A program that is killed for real between the index and the link's outbox: the next one tells what the first could not, and nothing twice."""

import json
import subprocess
import sys

import pytest

from tests.support.program import environment

# A real index, the real plugin and its real outbox; of the relay there is only what was joined. KILL says after which step the power goes.
PROGRAM = """
import asyncio, json, os, signal, sys
from pathlib import Path
from types import SimpleNamespace
from guardian.index.engine import open_index
from guardian.model.event import Event, EventState
from guardian.model.messages import EventReport
from guardian.platform.clock import SystemClock
from guardian.platform.tasks import Tasks
from guardian.pluginhost.dispatch import Dispatcher
from guardian.pluginhost.loading import new_hook_manager, register
from guardian.processes.relaying import seal_text
from guardian.sdk import PluginContext
from guardian.services.events import EventService
from guardian.vault.keyring import Keyring
from guardian.vault.reader import open_bytes
from guardian_wireguard import WireGuardPlugin, link as link_module
from guardian_wireguard.config import WireGuardConfig
from guardian_wireguard.outbox import Outbox

folder, kill, ids = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    clock, tasks = SystemClock(), Tasks()
    keyring = Keyring.load(folder / "vault")
    index = await open_index(folder / "index.db")
    manager = new_hook_manager()
    dispatcher = Dispatcher(manager, clock, tasks)
    told = lambda what, event: dispatcher.observe({"start": "event_started", "end": "event_ended"}.get(what, "event_updated"), event=event)
    events = EventService(index, folder, clock, keyring, lambda _: (0, 0), told)
    await events.end_left_open()
    context = PluginContext("wireguard", folder / "plugin", tuple, None, lambda *what: seal_text(keyring, *what), clock, events=events.since)
    plugin = WireGuardPlugin(WireGuardConfig(), context)
    register(manager, "wireguard", plugin)
    one = plugin._door._open()
    one._joined, one._camera_key = SimpleNamespace(secrets={}), b"k" * 32
    one._outbox = Outbox(folder / "outbox.db", 10_000_000, 0)
    one._exchange = SimpleNamespace(news=lambda: None)
    if kill == "outbox":
        one._outbox.put = lambda *_: die()
    await one._catch_up()
    dispatcher.add("wireguard", plugin)
    for number, name in enumerate(ids):
        start = Event(name, "front", "person", 0.9, 1_000_000 * (number + 1), None, EventState.ACTIVE)
        await events.report(EventReport("start", start))
        if kill == "start":
            die()  # the hook waits in the plugin's queue
        await asyncio.sleep(0.3)
        await events.report(EventReport("end", Event(name, "front", "person", 0.9, start.start_us, start.start_us + 5, EventState.ENDED)))
        if kill == "end":
            die()
        await asyncio.sleep(0.3)
    keyring.unlock("correct horse battery")
    said = [json.loads(open_bytes(one.sealed, keyring)[1]) for one in one._outbox.after(-1)[1]]
    print(json.dumps([[one["what"], one["event"]["id"]] for one in said]), flush=True)
    os._exit(0)

asyncio.run(main())
"""
IDS = [f"01a221fe-f5f5-7b52-8d31-00000000000{number}" for number in range(3)]


@pytest.mark.parametrize("kill", ["start", "outbox", "end"])
def test_what_was_in_the_index_and_not_in_the_outbox_is_told_at_the_next_start(tmp_path, kill):
    from guardian.vault.keyring import Keyring

    Keyring.create(tmp_path / "vault", "correct horse battery", now_us=0).lock()

    def live(kill, *ids):
        argv = [sys.executable, "-c", PROGRAM, str(tmp_path), kill, *ids]
        return subprocess.run(argv, capture_output=True, text=True, env=environment(), check=False, timeout=60)

    assert live("never", IDS[0]).returncode == 0
    done = live(kill, IDS[1])
    assert done.returncode == -9, done.stderr
    done = live("never", IDS[2])
    assert done.returncode == 0, done.stderr
    told = [tuple(one) for one in json.loads(done.stdout)]
    assert sorted(told) == sorted((what, name) for name in IDS for what in ("start", "end")), told
    assert told.index(("start", IDS[1])) < told.index(("end", IDS[1]))
