"""The archive's process, to be killed: `python -m tests.torture.archive_child ROOT`. It goes on where the last one was killed."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from functools import partial
from pathlib import Path

from guardian_filecoin import archiver as archiver_module
from guardian_filecoin.hashing import name
from guardian_filecoin.states import State

from guardian.vault.scan import scan
from tests.plugins.filecoin.world import START_US, World

FASTER = 3600  # an hour a second: the waits between tries are minutes


async def main(root: Path) -> None:
    given = json.loads((root / "child.json").read_text())
    archiver_module.name_apart = name  # a process for each of a thousand packs is not what is tried here
    world = World(root, keys=(None, bytes.fromhex(given["public"])), seed=None)
    archiver = world.archiver(**given["settings"])
    paths = sorted((root / "segments").rglob("*.pgs"))
    if not archiver.ledger.packs() and archiver.ledger.waiting_size()[0] < len(paths):
        archiver.ledger.want([scan(path).record(path.relative_to(root / "segments").as_posix()) for path in paths])

    def tick():
        world.now_us = START_US + round((time.time() - given["began_s"]) * FASTER * 1e6)

    def done():
        states = {state for _, state, _, _ in archiver.ledger.totals()}
        return not archiver.ledger.waiting_size()[0] and states == {State.VERIFIED}

    async def again_and_again(work):
        while not done():
            tick()
            await work()
            await asyncio.sleep(0.05)

    async def packs():
        await archiver.prepare()
        await archiver.free_spool()

    works = [packs, *(partial(archiver.serve, name) for name in archiver.places)]
    await asyncio.gather(*(again_and_again(work) for work in works))
    await packs()
    await archiver.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
