"""A task that is cancelled twice in the middle of a statement, as by who hangs up and by who ends the program."""

import asyncio

import pytest
from guardian_cloud.index.engine import open_store
from guardian_cloud.settings.schema import Settings as CloudSettings
from guardian_relay.index.store import open_engine as open_relays
from sqlalchemy import text

from guardian.index.engine import open_engine

SLOW = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000) SELECT max(i) FROM n"
OPEN = {
    "index": lambda folder: open_engine(folder / "index.db"),
    "relay": lambda folder: open_relays(f"sqlite+aiosqlite:///{folder / 'relay.db'}"),
    "cloud": lambda folder: open_store(CloudSettings(data_dir=folder)).engine,
}


@pytest.mark.parametrize("whose", OPEN)
async def test_nothing_waits_for_ever(whose, tmp_path):
    engine = OPEN[whose](tmp_path)
    before = asyncio.all_tasks()

    async def ask():
        async with engine.connect() as connection:
            await connection.execute(text(SLOW))

    asking = asyncio.create_task(ask())
    await asyncio.sleep(0.1)
    assert not asking.done()
    asking.cancel()
    await asyncio.sleep(0.01)
    asking.cancel()
    await asyncio.wait({asking}, timeout=10)
    left = asyncio.all_tasks() - before
    for task in left:  # as the loop does at its end
        task.cancel()
    _, waiting = await asyncio.wait(left, timeout=10) if left else ((), ())
    assert not waiting
    await engine.dispose()
