"""Repair of real sealed files: each kind of damage is mended, nothing is deleted, and whoever is killed does it again."""

import asyncio
import json
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from guardian.cli._main import cli
from guardian.index.engine import open_index
from guardian.index.events import EventRepository
from guardian.index.recordings import Recordings
from guardian.model.ids import uuid7
from guardian.model.media import Codec
from guardian.model.segment import ContentKind, SegmentHeader
from guardian.platform.lock import exclusive
from guardian.services import repair as module
from guardian.vault.format import RECORD_HEAD
from guardian.vault.keyring import Keyring
from guardian.vault.scan import scan
from guardian.vault.sealer import VaultSealer, seal_whole
from tests.support.footage import stream, video
from tests.support.recorded import bare, event
from tests.support.sealed import T0, Camera


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with some segments, an event with its picture and an export."""
    data = tmp_path_factory.mktemp("data")
    keyring = Keyring.create(data / "vault", "correct horse battery staple", now_us=T0)
    records = Camera(data, keyring).run(*stream(video(Codec.H264), Codec.AAC), segment_s=2.0)
    seen = event(T0)
    picture = f"front/2026-11-23/{seen.id}.pgp"
    put(data / "pictures" / picture, keyring, ContentKind.PICTURE, seen.id)
    export = uuid7(T0 // 1000, bytes(10))
    put(data / "exports" / f"{export}.pgx", keyring, ContentKind.EXPORT, export)
    asyncio.run(indexed(data, records, replace(seen, snapshot=picture)))
    return data


async def indexed(data, records, seen):
    index = await open_index(data / "index.db")
    await Recordings(index).add(records)
    await EventRepository(index).put([seen], bare)
    await index.close()


def put(path: Path, keyring: Keyring, kind: ContentKind, name: str) -> None:
    header = SegmentHeader(name, name, "front", "", kind, T0, 0, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(seal_whole(VaultSealer(keyring.public_key, keyring.epoch), header, b"\xff\xd8\xff"))


@pytest.fixture
def data(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "data")
    for path in (tmp_path / "data").rglob("*.pg?"):
        os.utime(path, (T0 / 1e6, T0 / 1e6))
    return tmp_path / "data"


def guardian(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["index", *arguments, "--data", str(data), "--json"])


def answer(result: Result) -> dict:
    return json.loads(result.stdout.splitlines()[-1])


def mends(result: Result) -> list[tuple[str, str]]:
    return [(mend["action"], mend["path"]) for mend in answer(result)["mends"]]


def is_whole(data: Path) -> bool:
    result = guardian(data, "check", "--deep")
    return result.exit_code == 0 and answer(result)["ok"]


def segments(data: Path) -> list[Path]:
    return sorted((data / "segments").rglob("*.pgs"))


def change(path: Path, edit) -> None:
    path.write_bytes(edit(bytearray(path.read_bytes())))
    os.utime(path, (T0 / 1e6, T0 / 1e6))


def flipped(content: bytearray, at: int) -> bytearray:
    content[at] ^= 1
    return content


def rows(data: Path) -> int:
    with closing(sqlite3.connect(data / "index.db")) as db:
        return db.execute("SELECT count(*) FROM segments").fetchone()[0]


def sql(data: Path, statement: str) -> None:
    with closing(sqlite3.connect(data / "index.db")) as db, db:
        db.execute(statement)


def everything(data: Path) -> dict[str, bytes]:
    """All bytes of a folder but those of SQLite's file, of which the rows count."""
    files = {str(path.relative_to(data)): path.read_bytes() for path in data.rglob("*.pg?*") if path.is_file()}
    with closing(sqlite3.connect(data / "index.db")) as db:
        return {**files, "rows": "\n".join(db.iterdump()).encode()}


DAMAGES = {
    "torn": lambda path: change(path, lambda content: content[:-9000]),
    "no_footer": lambda path: change(path, lambda content: content[:-1]),
    "bad_footer": lambda path: change(path, lambda content: flipped(content, -20)),
    "something_behind": lambda path: change(path, lambda content: content + b"x"),
    "flipped": lambda path: change(path, lambda content: flipped(content, scan(path).table[1].offset + RECORD_HEAD.size)),
    "no_header": lambda path: change(path, lambda content: b"x" + content),
    "no_footage": lambda path: change(path, lambda content: content[: scan(path).table[1].offset + 5]),
    "exchanged": lambda path: change(path, lambda _: segments(path.parents[4])[1].read_bytes()),
}
ACTIONS = {"torn": "trim", "no_footer": "trim", "bad_footer": "trim", "something_behind": "trim"}


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_damage_is_mended_once(data, damage):
    path = segments(data)[0]
    whole = path.read_bytes()
    DAMAGES[damage](path)
    damaged, before = path.read_bytes(), everything(data)
    dry = guardian(data, "repair", "--dry-run")
    assert (dry.exit_code, everything(data)) == (1, before)
    done = guardian(data, "repair")
    assert mends(done) == mends(dry) == [(ACTIONS.get(damage, "aside"), path.relative_to(data).as_posix())]
    assert (done.exit_code, answer(done)["ok"]) == (0, True)
    assert is_whole(data)
    kept = {one.name: one.read_bytes() for one in (data / "quarantine").rglob("*.*") if one.is_file()}
    if damage == "torn":
        assert damaged == path.read_bytes() + kept[f"{path.name}.tail"]
    elif damage in ACTIONS:
        assert path.read_bytes() == whole
    else:
        assert kept == {path.name: damaged}
        assert not path.exists()
    again = guardian(data, "repair")
    assert (again.exit_code, mends(again)) == (0, [])


def test_rows_are_written_from_their_files(data):
    sql(data, "UPDATE segments SET size_bytes = size_bytes + 1, fragments = 1")
    done = guardian(data, "repair")
    assert (done.exit_code, {action for action, _ in mends(done)}) == (0, {"index"})
    assert is_whole(data)


def test_files_that_are_not_in_the_index_are_added_though_they_are_new(data):
    before = rows(data)
    sql(data, "DELETE FROM segments")
    for path in segments(data):
        os.utime(path)
    assert guardian(data, "repair").exit_code == 0
    assert (rows(data), is_whole(data)) == (before, True)


def test_a_row_without_a_file_goes_only_when_it_is_told(data):
    before = rows(data)
    segments(data)[0].unlink()
    next((data / "pictures").rglob("*.pgp")).unlink()
    refused = guardian(data, "repair")
    assert (refused.exit_code, mends(refused), rows(data)) == (1, [], before)
    assert ["--prune" in item["cure"] for item in answer(refused)["items"]] == [True, True]
    pruned = guardian(data, "repair", "--prune")
    assert (pruned.exit_code, [action for action, _ in mends(pruned)], rows(data)) == (0, ["forget"] * 2, before - 1)
    assert is_whole(data)
    with closing(sqlite3.connect(data / "index.db")) as db:
        assert db.execute("SELECT count(*) FROM events").fetchone()[0] == 1, "the event itself stays"


def test_damaged_pictures_and_exports_and_strays_move_aside(data):
    picture, export = next((data / "pictures").rglob("*.pgp")), next((data / "exports").rglob("*.pgx"))
    for path in (picture, export):
        change(path, lambda content: content[:-400])
    stray = picture.with_name(f"{uuid7(T0 // 1000, b'1234567890')}.pgp")
    put(stray, Keyring.load(data / "vault"), ContentKind.PICTURE, stray.stem)
    (data / "exports/x.part").write_bytes(b"half")
    assert guardian(data, "repair").exit_code == 0
    assert is_whole(data)
    gone = [path.relative_to(data) for path in (picture, export, stray, data / "exports/x.part")]
    assert all((data / "quarantine" / path).is_file() and not (data / path).exists() for path in gone)


def test_what_lies_in_quarantine_is_never_replaced(data):
    path = segments(data)[0]
    aside = data / "quarantine" / path.relative_to(data)
    aside.parent.mkdir(parents=True)
    aside.write_bytes(b"older")
    DAMAGES["no_header"](path)
    assert guardian(data, "repair").exit_code == 0
    assert (aside.read_bytes(), aside.with_name(f"{aside.name}.2").is_file()) == (b"older", True)


def test_the_row_of_another_file_stays_when_a_copy_moves_aside(data):
    path, before = segments(data)[0], rows(data)
    copy = data / "segments/back/main/2026-11-23" / path.name
    copy.parent.mkdir(parents=True)
    shutil.copy(path, copy)
    done = guardian(data, "repair")
    assert mends(done) == [("aside", copy.relative_to(data).as_posix())]
    assert (rows(data), is_whole(data)) == (before, True)


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("damage", ["torn", "bad_footer", "no_header"])
def test_who_is_killed_between_two_steps_does_it_again(data, damage, monkeypatch):
    path = segments(data)[0]
    DAMAGES[damage](path)

    def killed(*_: object) -> None:
        raise Killed

    async def killed_here(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(module, "_move", killed)
        patch.setattr(module._Work, "_index_file", killed_here)
        with pytest.raises(Killed):
            CliRunner().invoke(cli, ["index", "repair", "--data", str(data)], standalone_mode=False)
    assert guardian(data, "repair").exit_code == 0
    assert is_whole(data)


def test_it_is_refused_while_guardian_runs(data):
    before = everything(data)
    DAMAGES["no_header"](segments(data)[0])
    with exclusive(data):
        refused = guardian(data, "repair")
    assert (refused.exit_code, "a Guardian that runs" in refused.output) == (2, True)
    assert everything(data).keys() == before.keys()


def test_a_damaged_index_is_put_aside_and_made_anew(data):
    before = rows(data)
    (data / "index.db").write_bytes(b"no database" * 1000)
    dry = guardian(data, "repair", "--dry-run")
    assert (len(mends(dry)), (data / "index.db").read_bytes()[:11]) == (before + 1, b"no database")
    assert guardian(data, "repair").exit_code == 0
    assert (rows(data), (data / "index.db.damaged-1").is_file(), is_whole(data)) == (before, True, True)


def test_a_broken_lookup_table_of_the_database_is_made_anew(data):
    with closing(sqlite3.connect(data / "index.db")) as db, db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute("CREATE TABLE shadow AS SELECT * FROM events")
        (root,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'events_by_state'").fetchone()
        (sql_text,) = db.execute("SELECT sql FROM sqlite_master WHERE name = 'events_by_state'").fetchone()
        db.execute("DELETE FROM sqlite_master WHERE name IN ('events_by_state')")
    sql(data, "DROP TABLE shadow")
    sql(data, "UPDATE events SET state = 'other'")
    with closing(sqlite3.connect(data / "index.db")) as db, db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute("INSERT INTO sqlite_master VALUES ('index', 'events_by_state', 'events', ?, ?)", (root, sql_text))
    assert guardian(data, "check").exit_code == 1
    done = guardian(data, "repair")
    assert (done.exit_code, mends(done)) == (0, [("reindex", "index.db")])
    assert is_whole(data)
