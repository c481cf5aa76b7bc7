"""`guardian archive` as its owner uses it: status, looking, the kit, and a bare machine that gets its footage back."""

import asyncio
import json

import pytest
from click.testing import CliRunner
from guardian_filecoin import archiver as archiver_module
from guardian_filecoin.hashing import name

from guardian.cli._main import cli
from guardian.vault.keyring import Keyring
from guardian.vault.vault_file import read_vault
from tests.plugins.filecoin.world import World
from tests.support.house import PASSPHRASE

SETTINGS = (
    '[plugins.settings.filecoin]\neverything = true\npack_mib = 1\n[plugins.settings.filecoin.folder.nas]\npath = "{}"\n'
)


def command(*words, code=0):
    """Call it in this process; a process for each takes most of a test's time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["guardian", *words, "--json"])
        done = CliRunner().invoke(cli, [*words, "--json"])
    assert done.exit_code == code, (done.output, done.exception)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A data folder whose archive has two packs, and the folder where they lie."""
    root = tmp_path_factory.mktemp("house")
    data, nas = root / "data", root / "nas"
    data.mkdir(mode=0o700)
    nas.mkdir()
    keyring = Keyring.create(data / "vault", PASSPHRASE, now_us=0)
    code = keyring.make_recovery_code(PASSPHRASE, now_us=0)
    (root / "code").write_text(code)
    (root / "passphrase").write_text(PASSPHRASE)
    (data / "config.toml").write_text(SETTINGS.format(nas))
    (data / "config.toml").chmod(0o600)
    world = World(data, keys=(None, keyring.public_key))

    async def archive():
        archiver = world.archiver(folder={"nas": {"path": str(nas)}})
        for number in range(2):
            await archiver.segment_sealed(world.segment(number, 900_000))
        world.forward(31)
        await archiver.round()
        await archiver.close()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archiver_module, "name_apart", name)
        asyncio.run(archive())
    keyring.lock()
    command("archive", "kit", str(root / "kit.json"), "--data", str(data))
    return root


def test_status_says_what_is_where(house):
    answer = command("archive", "status", "--data", str(house / "data"))
    assert (answer["packs"], answer["verified"], answer["waiting"]) == (2, 2, 0)
    assert answer["places"][0] == answer["places"][0] | {"name": "nas", "public": False, "verified": 2, "problem": ""}


def test_verify_finds_what_is_wrong(house):
    answer = command("archive", "verify", "--all", "--data", str(house / "data"))
    assert (answer["ok"], answer["copies"]) == (True, 2)
    path = sorted((house / "nas").iterdir())[0]
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    answer = command("archive", "verify", "--all", "--data", str(house / "data"), code=1)
    path.write_bytes(data)
    assert [bool(one["problem"]) for one in answer["items"]].count(True) == 1


@pytest.mark.parametrize("secret", ["passphrase", "code"])
def test_a_bare_machine_gets_its_footage_back(house, tmp_path, secret):
    kit, file, bare = house / "kit.json", house / secret, tmp_path / "bare"
    answer = command("archive", "restore", "--kit", str(kit), f"--{secret}-file", str(file), "--data", str(bare))
    assert (answer["packs"], answer["segments"], answer["indexed"], answer["problems"]) == (2, 2, 2, [])
    before = {path.relative_to(house / "data"): path.read_bytes() for path in (house / "data/segments").rglob("*.pgs")}
    assert {path.relative_to(bare): path.read_bytes() for path in (bare / "segments").rglob("*.pgs")} == before
    assert read_vault(bare / "vault") == read_vault(house / "data/vault")
    assert command("index", "check", "--data", str(bare))["ok"]


def test_a_wrong_passphrase_gives_nothing(house, tmp_path):
    (tmp_path / "wrong").write_text("another passphrase for tests")
    words = [
        "--kit",
        str(house / "kit.json"),
        "--passphrase-file",
        str(tmp_path / "wrong"),
        "--data",
        str(tmp_path / "bare"),
    ]
    assert command("archive", "restore", *words, code=2)["error"]["code"] == "wrong_passphrase"
    assert not (tmp_path / "bare/segments").exists()


def test_the_kit_has_no_secret_of_a_place(tmp_path):
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    Keyring.create(data / "vault", PASSPHRASE, now_us=0).lock()
    (data / "config.toml").write_text(
        '[plugins.settings.filecoin.s3.away]\nurl = "https://s3.example"\nbucket = "b"\naccess_key = "id"\n'
        'secret_key = "hidden-canary"\n[plugins.settings.filecoin.kubo.node]\ntoken = "file:/etc/hosts"\n'
    )
    (data / "config.toml").chmod(0o600)
    command("archive", "kit", str(tmp_path / "kit.json"), "--data", str(data))
    text = (tmp_path / "kit.json").read_text()
    assert "hidden-canary" not in text
    assert json.loads(text)["settings"]["kubo"]["node"]["token"] == "file:/etc/hosts"
    assert (tmp_path / "kit.json").stat().st_mode & 0o777 == 0o600


def test_what_is_not_set_up_is_said(house, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir(mode=0o700)
    error = command("archive", "status", "--data", str(empty), code=2)["error"]
    assert "no archive is set up" in error["message"]
    (tmp_path / "no-kit").write_text("{}")
    words = ["--kit", str(tmp_path / "no-kit"), "--data", str(empty)]
    assert "is no kit" in command("archive", "restore", *words, code=1)["error"]["message"]
    (empty / "config.toml").write_text("[plugins.settings.filecoin]\npack_mib = 3\n")
    (empty / "config.toml").chmod(0o600)
    assert "pack_mib" in command("archive", "status", "--data", str(empty), code=2)["error"]["message"]
