"""A deep check of real sealed files: whole data has no fault, each kind of damage its own."""

import asyncio
import importlib
import json
import os
from collections.abc import Callable
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
from guardian.services.deep_check import DeepChecked, deep_check
from guardian.vault.format import RECORD_HEAD
from guardian.vault.keyring import Keyring
from guardian.vault.scan import scan
from guardian.vault.sealer import VaultSealer, seal_whole
from tests.support.footage import stream, video
from tests.support.recorded import bare, event
from tests.support.sealed import T0, Camera

PASSPHRASE = "correct horse battery staple"
NOW_S = T0 / 1e6 + 86_400


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Keyring]:
    """A data folder with two segments, an event with its picture, an export, all of a day ago."""
    data = tmp_path_factory.mktemp("data")
    keyring = Keyring.create(data / "vault", PASSPHRASE, now_us=T0)
    records = Camera(data, keyring).run(*stream(video(Codec.H264), Codec.AAC), segment_s=2.0)
    seen = event(T0)
    picture = f"front/2026-11-23/{seen.id}.pgp"
    put(data / "pictures" / picture, keyring, ContentKind.PICTURE, seen.id, b"\xff\xd8\xff picture")
    export = uuid7(T0 // 1000, bytes(10))
    put(data / "exports" / f"{export}.pgx", keyring, ContentKind.EXPORT, export, b"{}")
    asyncio.run(indexed(data, records, seen, picture))
    return data, keyring


async def indexed(data, records, seen, picture):
    from dataclasses import replace

    index = await open_index(data / "index.db")
    await Recordings(index).add(records)
    await EventRepository(index).put([replace(seen, snapshot=picture)], bare)
    await index.close()


def put(path: Path, keyring: Keyring, kind: ContentKind, name: str, content: bytes) -> None:
    header = SegmentHeader(name, name, "front", "", kind, T0, 0, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(seal_whole(VaultSealer(keyring.public_key, keyring.epoch), header, content))


@pytest.fixture
def data(made: tuple[Path, Keyring], tmp_path: Path) -> Path:
    import shutil

    shutil.copytree(made[0], tmp_path / "data")
    for path in (tmp_path / "data").rglob("*.pg?"):
        os.utime(path, (T0 / 1e6, T0 / 1e6))
    return tmp_path / "data"


def look(data: Path, keyring: Keyring | None = None, now_s: float = NOW_S) -> DeepChecked:
    async def run() -> DeepChecked:
        index = await open_index(data / "index.db")
        try:
            return await deep_check(index, data, now_s, keyring=keyring)
        finally:
            await index.close()

    return asyncio.run(run())


def kinds(checked: DeepChecked) -> list[str]:
    return [fault.kind for fault in checked.faults]


def first(data: Path) -> Path:
    return sorted(data.rglob("*.pgs"))[0]


def change(path: Path, edit: Callable[[bytearray], bytes | bytearray]) -> None:
    path.write_bytes(edit(bytearray(path.read_bytes())))
    os.utime(path, (T0 / 1e6, T0 / 1e6))


def flip(at: int) -> Callable[[bytearray], bytearray]:
    def edit(content: bytearray) -> bytearray:
        content[at] ^= 1
        return content

    return edit


def test_whole_data_has_no_fault_with_and_without_the_key(made, data):
    checked = look(data)
    assert (kinds(checked), checked.files) == ([], 4)
    assert checked.size_bytes == sum(path.stat().st_size for path in data.rglob("*.pg?"))
    assert kinds(look(data, made[1])) == []


def test_a_flipped_byte_in_each_file_is_one_fault_that_names_it(data):
    for path in sorted(data.rglob("*.pg?")):
        row = scan(path).table[-1]
        change(path, flip(row.offset + RECORD_HEAD.size + 3))
    checked = look(data)
    assert kinds(checked) == ["damaged"] * 4
    assert [fault.path for fault in checked.faults][2:] == [
        path.relative_to(data).as_posix() for end in ("pgp", "pgx") for path in data.rglob(f"*.{end}")
    ]


def test_every_record_that_is_damaged_is_named(data):
    rows = scan(first(data)).table
    for row in rows[:2]:
        change(first(data), flip(row.offset + RECORD_HEAD.size))
    assert [fault.message[:8] for fault in look(data).faults] == ["record 0", "record 1"]


@pytest.mark.parametrize(
    ("edit", "kind"),
    [
        (lambda content: content[:-1], "footer"),
        (flip(-20), "table"),
        (lambda content: bytes(content) + b"x", "footer"),
        (lambda content: content[: len(content) // 2], "torn"),
        (lambda content: b"x" + content, "damaged"),
    ],
)
def test_each_damage_has_its_kind(data, edit, kind):
    change(first(data), edit)
    assert kinds(look(data)) == [kind]


def test_the_end_record_has_a_checksum_too(data):
    row = scan(first(data)).table[-1]
    change(first(data), flip(row.offset + row.size + RECORD_HEAD.size))
    assert "the end record" in look(data).faults[0].message


def test_a_file_that_is_being_written_is_judged_as_far_as_it_is_whole(data):
    change(first(data), lambda content: content[:-2000])
    assert kinds(look(data, now_s=T0 / 1e6 + 10)) == []
    assert kinds(look(data)) == ["torn"]
    row = scan(first(data)).table[0]
    change(first(data), flip(row.offset + RECORD_HEAD.size))
    assert kinds(look(data, now_s=T0 / 1e6 + 10)) == ["damaged"]


def test_files_that_changed_places_are_seen_without_a_key(data):
    one, two = sorted(data.rglob("*.pgs"))[:2]
    contents = one.read_bytes(), two.read_bytes()
    change(one, lambda _: contents[1])
    change(two, lambda _: contents[0])
    assert kinds(look(data)) == ["misplaced", "misplaced"]


def test_a_change_with_a_right_checksum_is_seen_with_the_key_alone(made, data):
    from guardian.vault.checksum import crc32

    row = scan(first(data)).table[1]
    begin, end = row.offset + RECORD_HEAD.size, row.offset + row.size

    def forge(content: bytearray) -> bytearray:
        content[begin] ^= 1
        content[begin - 4 : begin] = crc32(bytes(content[begin:end])).to_bytes(4, "big")
        return content

    change(first(data), forge)
    assert kinds(look(data)) == []
    assert kinds(look(data, made[1])) == ["seal"]


@pytest.mark.parametrize("frames", [0, 99])
def test_a_table_that_counts_other_frames_than_there_are_is_seen_with_the_key(made, data, frames):
    from guardian.vault.reader import SegmentReader

    with SegmentReader(first(data), made[1]) as reader:
        rows, contents, header = reader.table, [reader.read(row.index) for row in reader.table], reader.header
    sealing = VaultSealer(made[1].public_key, made[1].epoch).begin(header)
    sealed = [sealing.header_bytes]
    for row, content in zip(rows, contents, strict=True):
        _, record = sealing.seal(
            content,
            start_90k=row.start_90k,
            duration_90k=row.duration_90k,
            start_utc_us=row.start_utc_us,
            is_key=row.is_key,
            video_frames=frames if row.index == 1 else row.video_frames,
        )
        sealed.append(record)
    change(first(data), lambda _: b"".join([*sealed, sealing.finish()]))
    assert kinds(look(data)) == []
    (fault,) = look(data, made[1]).faults
    assert f"the fragment table says {frames}" in fault.message


def test_strays_are_named_once_they_are_old(data):
    keyring = Keyring.load(data / "vault")
    stray = uuid7(T0 // 1000, b"1234567890")
    put(data / "pictures/front/2026-11-23" / f"{stray}.pgp", keyring, ContentKind.PICTURE, stray, b"\xff\xd8\xff")
    (data / "exports/x.part").write_bytes(b"half")
    (data / f"pictures/front/2026-11-23/.{stray}.pgp.123.new").write_bytes(b"half")
    later = (data / "exports/x.part").stat().st_mtime + 1
    assert kinds(look(data, now_s=later)) == []
    assert kinds(look(data, now_s=later + 3600)) == ["orphan_picture", "left_over", "left_over"]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("guardian.cli.index"), "_step_back", lambda: None)


def guardian(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["index", "check", *arguments], input=given)


@pytest.mark.usefixtures("quick")
def test_the_command_exits_with_0_then_1_and_a_line_a_fault(data):
    whole = guardian("--deep", "--rate", "1000", "--data", str(data), "--json")
    answer = json.loads(whole.stdout.splitlines()[-1])
    assert (whole.exit_code, answer["ok"], answer["files"], answer["opened"]) == (0, True, 4, False)
    opened = guardian("--open", "--passphrase-file", "-", "--data", str(data), "--json", given=PASSPHRASE)
    assert (opened.exit_code, json.loads(opened.stdout.splitlines()[-1])["opened"]) == (0, True)
    row = scan(first(data)).table[-1]
    change(first(data), flip(row.offset + RECORD_HEAD.size + 3))
    assert guardian("--data", str(data)).exit_code == 0
    faulty = guardian("--deep", "--data", str(data))
    assert faulty.exit_code == 1
    assert [line.partition(":")[0] for line in faulty.stdout.splitlines() if ".pgs:" in line] == [
        first(data).relative_to(data).as_posix()
    ]
