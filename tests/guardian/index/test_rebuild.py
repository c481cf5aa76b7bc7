"""The index made anew from the files, and compared with them."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from guardian.index.check import Checked, check
from guardian.index.engine import IndexFile
from guardian.index.events import EventRepository
from guardian.index.rebuild import rebuild
from guardian.index.recordings import Recordings
from guardian.model.segment import SegmentRecord
from tests.support.plain_sealer import scan
from tests.support.recorded import MINUTE, T0, Recording, bare, event, record, whole


def read(path: Path, relative: str) -> SegmentRecord:
    return scan(path).record(relative)


async def checked(index: IndexFile, data: Path, now_s: float = 4e9) -> Checked:
    return await check(index, data / "segments", data / "pictures", read, now_s)


async def kinds(index: IndexFile, data: Path, now_s: float = 4e9) -> list[tuple[str, str]]:
    return [(fault.kind, fault.path) for fault in (await checked(index, data, now_s)).faults]


@pytest.fixture
async def filled(index: IndexFile, tmp_path: Path) -> list[SegmentRecord]:
    records = [whole(tmp_path, T0 + n * MINUTE, camera=camera) for n in range(3) for camera in ("front", "back")]
    await Recordings(index).add(records)
    return records


async def test_a_rebuilt_index_is_the_index(index: IndexFile, tmp_path: Path, filled: list[SegmentRecord]) -> None:
    recordings = Recordings(index)
    kept = event(T0, T0 + 1)
    await EventRepository(index).put([kept], bare)
    await recordings.forget([one.header.segment_id for one in filled])
    await recordings.add([record(T0 + 99 * MINUTE)])  # its file does not exist
    steps: list[tuple[int, int]] = []
    done = await rebuild(index, tmp_path / "segments", read, lambda at, total: steps.append((at, total)))
    assert (done.indexed, done.forgotten, done.damaged, steps) == (6, 1, [], [(6, 6)])
    assert {one async for page in recordings.pages() for one in page} == set(filled)
    assert await EventRepository(index).get(kept.id) == kept
    assert await kinds(index, tmp_path) == []


async def test_a_file_that_the_recorder_has_open_is_left_to_it(index: IndexFile, tmp_path: Path) -> None:
    recording = Recording(tmp_path, T0)
    recording.second()
    os.utime(recording.file, (1000, 1000))
    assert (await rebuild(index, tmp_path / "segments", read, in_use_since_s=999.0)).indexed == 0
    assert (await rebuild(index, tmp_path / "segments", read, in_use_since_s=1000.0)).indexed == 1
    assert (await rebuild(index, tmp_path / "segments", read)).indexed == 1


async def test_a_file_that_cannot_be_read_is_named_and_left(
    index: IndexFile, tmp_path: Path, filled: list[SegmentRecord]
) -> None:
    bad = tmp_path / "segments" / filled[0].path
    bad.write_bytes(b"nonsense")
    done = await rebuild(index, tmp_path / "segments", read)
    assert (done.indexed, [path for path, _ in done.damaged]) == (5, [filled[0].path])
    assert bad.exists()


async def test_a_cut_off_file_is_indexed_as_far_as_it_is_whole(index: IndexFile, tmp_path: Path) -> None:
    recording = Recording(tmp_path, T0)
    recording.second()
    recording.tear()
    await rebuild(index, tmp_path / "segments", read)
    found = await Recordings(index).get(recording.header.segment_id)
    assert found is not None
    assert (found.complete, found.fragments) == (False, 1)


async def test_check_says_nothing_about_a_whole_index(index: IndexFile, tmp_path: Path, filled: list[SegmentRecord]) -> None:
    result = await checked(index, tmp_path)
    assert (result.segments, result.faults) == (6, ())


async def test_check_names_each_fault_and_its_cure(index: IndexFile, tmp_path: Path, filled: list[SegmentRecord]) -> None:
    segments, recordings = tmp_path / "segments", Recordings(index)
    missing, cut, damaged, differs, unknown, _ = filled
    (segments / missing.path).unlink()
    os.truncate(segments / cut.path, cut.size_bytes - 1)
    (segments / damaged.path).write_bytes(b"nonsense")
    await recordings.forget([differs.header.segment_id, unknown.header.segment_id])
    await recordings.add([replace(differs, video_frames=1)])
    await EventRepository(index).put([event(T0, T0 + 1, snapshot="front/2026-11-23/x.pgp")], bare)
    found = await checked(index, tmp_path)
    assert {(one.kind, one.path) for one in found.faults} == {
        ("file_missing", missing.path),
        ("cut_off", cut.path),
        ("damaged", damaged.path),
        ("differs", differs.path),
        ("not_indexed", unknown.path),
        ("picture_missing", "front/2026-11-23/x.pgp"),
    }
    assert all(one.message and one.cure for one in found.faults)


async def test_a_file_that_is_being_written_is_no_fault_but_an_old_one_is(index: IndexFile, tmp_path: Path) -> None:
    recording = Recording(tmp_path, T0)
    recording.second()
    written = recording.file.stat().st_mtime
    assert (await checked(index, tmp_path, written + 1)).being_written == 1
    assert await kinds(index, tmp_path, written + 1) == []
    assert await kinds(index, tmp_path, written + 1000) == [("not_indexed", recording.path)]


async def test_damage_of_the_database_itself_is_found(index: IndexFile, tmp_path: Path, filled: list[SegmentRecord]) -> None:
    async with index.write() as connection:
        await connection.exec_driver_sql("PRAGMA writable_schema = ON")
        await connection.exec_driver_sql(
            "UPDATE sqlite_master SET sql = replace(sql, 'size_bytes', 'width') WHERE name = 'segments_by_time'"
        )
    await index.engine.dispose()
    assert "database" in {kind for kind, _ in await kinds(index, tmp_path)}
