"""The whole program archives what a camera records, at a provider and in a folder, and an empty machine gets it back."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from tests.plugins.filecoin.world import PAYEE, PAYER, SESSION_ADDRESS, SESSION_KEY, filecoin
from tests.support.house import camera, command, running, set_up
from tests.support.pdp_server import PdpServer
from tests.support.program import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]
CANARY = "canary-nursery"


def config(root: Path, provider: dict[str, object], accept: bool) -> str:
    lines = [camera(CANARY, "testpattern", {"width": 640, "height": 360, "fps": 10}, "record = { segment_s = 5 }\n")]
    lines += ["[plugins.settings.filecoin]", "everything = true", "pack_mib = 1", "close_after_hours = 0.002"]
    lines += ["delay_minutes = 0", f"accept_public = {json.dumps(accept)}"]
    lines += ["[plugins.settings.filecoin.folder.nas]", f"path = {json.dumps(str(root / 'nas'))}"]
    lines += [
        "[plugins.settings.filecoin.filecoin.one]",
        *(f"{key} = {json.dumps(value)}" for key, value in provider.items()),
    ]
    return "\n".join(lines) + "\n"


def archive_of(program):
    (found,) = program.get("/api/v1/system")["archives"]
    return found


def place_of(program, name):
    return next(one for one in archive_of(program)["places"] if one["name"] == name)


def house(root: Path, provider: dict[str, object], server: PdpServer) -> None:
    data = root / "data"
    (root / "nas").mkdir()
    (root / "session-key").write_text(SESSION_KEY + "\n")
    set_up(data, config(root, provider | {"session_key": f"file:{root}/session-key"}, accept=False))
    with running(data) as program:
        wait_for(lambda: place_of(program, "nas")["verified"] >= 1, 90, "a pack in the folder")
        wait_for(lambda: "USDFC" in archive_of(program)["next_cost"], 30, "the cost")
        assert "public for ever" in archive_of(program)["notice"]
        assert "accept_public" in archive_of(program)["held_back"]
    assert (server.uploads, server.parked, server.paid) == ({}, {}, 0)  # not a byte before the owner's word
    text = (data / "config.toml").read_text()
    (data / "config.toml").write_text(text.replace("accept_public = false", "accept_public = true"))
    with running(data) as program:
        wait_for(lambda: place_of(program, "one")["verified"] >= 1, 90, "a pack at the provider")
        assert place_of(program, "one")["paid"]
    command("archive", "kit", str(root / "kit.json"), "--data", str(data))


def bare_machine(root: Path) -> None:
    shutil.rmtree(root / "nas")  # what the provider has must do
    (root / "nas").mkdir()
    words = [
        "--kit",
        str(root / "kit.json"),
        "--passphrase-file",
        str(root / "data/passphrase"),
        "--data",
        str(root / "bare"),
    ]
    answer = command("archive", "restore", *words)
    assert answer["segments"] == answer["indexed"] > 0
    for path in (root / "bare/segments").rglob("*.pgs"):
        assert path.read_bytes() == (root / "data/segments" / path.relative_to(root / "bare/segments")).read_bytes()
    assert command("index", "check", "--data", str(root / "bare"), "--open", *words[2:4])["ok"]


async def test_footage_goes_to_a_provider_and_comes_back_on_an_empty_machine(tmp_path: Path) -> None:
    server = PdpServer(PAYEE, {SESSION_ADDRESS: (PAYER, {"CreateDataSet", "AddPieces"})})
    async with TestServer(server.app()) as running_server:
        provider = filecoin(running_server.make_url("/"))
        await asyncio.to_thread(house, tmp_path, provider, server)
        assert set(server.times_added().values()) == {1}
        for piece, data in server.parked.items():
            for word in (CANARY.encode(), b"nursery", b"PAGS", b"argon2", b"testpattern", piece.encode()):
                assert word not in data
        await asyncio.to_thread(bare_machine, tmp_path)
