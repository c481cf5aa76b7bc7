"""Packs under `kill -9` and a provider that lies, stalls, cuts, forgets, refuses and loses its answers: none is lost, none is
paid for twice, every byte comes back.

GUARDIAN_TORTURE_PACKS packs (20 unless told), GUARDIAN_TORTURE_SEED repeats a run.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time

import pytest
from aiohttp.test_utils import TestServer
from guardian_filecoin.archive import FilecoinArchive

from tests.plugins.filecoin.world import PAYEE, PAYER, SESSION_ADDRESS, World, filecoin
from tests.support.pdp_server import PRICES, Moods, PdpServer, Shelf
from tests.support.program import environment

PACKS = int(os.environ.get("GUARDIAN_TORTURE_PACKS", "20"))
SEED = int(os.environ.get("GUARDIAN_TORTURE_SEED", str(random.randrange(1 << 32))))
BAD = Moods(lie=0.08, truncate=0.05, stall=0.01, forget=0.03, refuse=0.08, lose_answer=0.08, stall_s=2.0)

pytestmark = [pytest.mark.torture, pytest.mark.timeout(240 + 6 * PACKS)]


class Provider(PdpServer):
    """A provider with its pieces on the disk."""

    @classmethod
    def at(cls, folder, moods, seed):
        allowed = {SESSION_ADDRESS: (PAYER, {"CreateDataSet", "AddPieces"})}
        return cls(PAYEE, allowed, moods, random.Random(seed), 0.05, Shelf(folder))

    def check_paid_once(self):
        times = self.times_added()
        assert set(times.values()) == {1}, "a piece was paid for twice"
        assert len(times) == PACKS
        assert len(self.sets) == 1
        assert self.paid == PRICES["create"] + PACKS * (PRICES["add"] + PRICES["each"])


async def killed_again_and_again(root, chance):
    """Run the archive until it is done by itself, and kill it in between; return how often."""
    kills = 0
    while True:
        argv = [sys.executable, "-m", "tests.torture.archive_child", str(root)]
        child = subprocess.Popen(argv, env=environment(), stderr=subprocess.PIPE)
        lives_s = 1.5 + chance.random() * (5 + PACKS / 50)
        ends = time.monotonic() + lives_s
        while child.poll() is None and time.monotonic() < ends:
            await asyncio.sleep(0.02)
        if child.poll() is None:
            child.kill()
            kills += 1
        _, err = child.communicate()
        if child.returncode == 0:
            return kills
        assert child.returncode == -9, err.decode()[-3000:]


async def test_packs_outlive_kills_and_a_lying_provider(tmp_path):
    chance = random.Random(SEED)
    print(f"\nseed {SEED}, {PACKS} packs")
    world = World(tmp_path / "house")
    for number in range(PACKS):
        world.segment(number, 700_000 + chance.randrange(300_000))
    liar, honest = Provider.at(tmp_path / "liar", BAD, SEED), Provider.at(tmp_path / "honest", Moods(), SEED + 1)
    began = time.monotonic()
    async with TestServer(liar.app()) as first, TestServer(honest.app()) as second:
        places = {"liar": filecoin(first.make_url("/")), "honest": filecoin(second.make_url("/"))}
        settings = {"accept_public": True, "timeout_s": 1.0, "filecoin": places, "close_after_hours": 1}
        given = {"public": world.public.hex(), "settings": settings, "began_s": time.time()}
        (world.root / "child.json").write_text(json.dumps(given))
        kills = await killed_again_and_again(world.root, chance)
        print(f"{kills} kills, {liar.wrong} wrong answers of {liar.served}, {time.monotonic() - began:.0f} s")
        assert liar.wrong > 0
        liar.check_paid_once()
        honest.check_paid_once()
        archiver = world.archiver(**settings)
        archive = FilecoinArchive(archiver)
        assert list((world.root / "plugins/filecoin/spool").glob("*.pack*")) == []
        status = await archive.status()
        assert (status.packs, status.verified, status.waiting, status.missed) == (PACKS, PACKS, 0, 0)
        done = await archive.restore(tmp_path / "bare", world.open_key, lambda _: None, {})  # while it still lies
        assert (done.segments, done.foreign) == (PACKS, 0)
        assert {one.partition(":")[0] for one in done.problems} <= {"liar"}, "it may refuse to say what it has"
        for record in world.records.values():
            assert (tmp_path / "bare" / record.path).read_bytes() == (world.root / "segments" / record.path).read_bytes()
        liar.moods = Moods()
        checks = []
        await archive.verify(everything=True, tell=checks.append)
        assert len(checks) == 2 * PACKS
        assert {one.problem for one in checks if one.place == "honest"} == {""}
        await archiver.close()
