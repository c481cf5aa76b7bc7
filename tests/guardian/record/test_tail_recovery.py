import os
from pathlib import Path

import pytest

from guardian.model.ids import uuid7
from guardian.model.segment import ContentKind, FragmentMeta, SealingSegment, SegmentHeader
from guardian.record.tail_recovery import newest, recover, unfinished
from tests.support.plain_sealer import PlainSealer, scan

UTC = 1_700_000_000_000_000


def seg_id(number: int) -> str:
    return uuid7(UTC // 1000 + number, bytes(10))


def _sealed(sealing: SealingSegment, size: int, number: int) -> bytes:
    """A record; number -1 is the init segment."""
    is_init, at = number < 0, max(0, number)
    return sealing.seal(
        bytes([at + 1]) * size,
        start_90k=at * 90_000,
        duration_90k=0 if is_init else 90_000,
        start_utc_us=UTC + at * 1_000_000,
        is_key=not is_init,
        video_frames=0 if is_init else 15,
    )[1]


def whole_file(fragments: int = 3, finished: bool = True) -> bytes:
    """A sealed file of an init segment and fragments of 100 KB."""
    header = SegmentHeader(seg_id(1), "run", "yard", "main", ContentKind.VIDEO, UTC, 5, 0, "avc1.42C00A", 162, 98)
    sealing = PlainSealer().begin(header)
    parts = [sealing.header_bytes, _sealed(sealing, 300, -1), *(_sealed(sealing, 100_000, n) for n in range(fragments))]
    return b"".join(parts) + (sealing.finish() if finished else b"")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "segments" / "yard" / "main" / "2023-11-14"
    folder.mkdir(parents=True)
    return folder / f"{seg_id(1)}.pgs"


def test_a_torn_tail_is_cut_off_wherever_it_tears(path: Path) -> None:
    data = whole_file(finished=False)
    ends = [row.offset + row.size for row in _table(path, data)]
    for size in (ends[1], ends[1] + 1, ends[2] - 1, ends[2], ends[2] + 20, ends[3] - 1, ends[3]):
        path.write_bytes(data[:size])
        assert list(unfinished([path], scan)) == [path]
        record = recover(path, scan)
        expected = max(end for end in ends if end <= size)
        assert record is not None
        assert path.stat().st_size == record.size_bytes == expected
        assert path.read_bytes() == data[:expected]
        assert record.fragments == ends.index(expected)
        assert record.path == f"yard/main/2023-11-14/{seg_id(1)}.pgs"
        assert not record.complete
        assert recover(path, scan) == record


def _table(path: Path, data: bytes) -> list[FragmentMeta]:
    path.write_bytes(data)
    return list(scan(path).table)


def test_a_file_without_a_whole_fragment_is_removed(path: Path) -> None:
    data = whole_file(finished=False)
    init_end = _table(path, data)[0].size + _table(path, data)[0].offset
    for size in (0, 3, 40, init_end - 1, init_end, init_end + 500):
        path.write_bytes(data[:size])
        assert list(unfinished([path], scan)) == [path]
        assert recover(path, scan) is None
        assert not path.exists()


def test_zeros_that_a_power_cut_left_are_removed(path: Path) -> None:
    path.write_bytes(bytes(1_000_000))
    assert recover(path, scan) is None
    assert not path.exists()


def test_a_large_file_that_does_not_read_is_put_aside_and_kept(path: Path) -> None:
    path.write_bytes(b"?" + whole_file()[1:])
    assert recover(path, scan) is None
    assert not path.exists()
    aside = path.with_name(path.name + ".damaged")
    assert aside.stat().st_size > 300_000
    assert newest(path.parents[3], "yard") == ()


def test_a_finished_file_is_left_alone(path: Path) -> None:
    path.write_bytes(whole_file())
    assert list(unfinished([path], scan)) == []
    record = recover(path, scan)
    assert record is not None
    assert record.complete
    assert path.read_bytes() == whole_file()


def test_a_file_that_went_away_is_no_problem(path: Path) -> None:
    assert list(unfinished([path], scan)) == []
    assert recover(path, scan) is None


def test_the_newest_files_of_each_stream(tmp_path: Path) -> None:
    for stream, day, numbers in (
        ("main", "2023-11-13", (1, 2)),
        ("main", "2023-11-14", (3, 4, 5)),
        ("sub", "2023-11-14", (6,)),
    ):
        folder = tmp_path / "yard" / stream / day
        folder.mkdir(parents=True)
        for number in numbers:
            (folder / f"{seg_id(number)}.pgs").touch()
    (tmp_path / "yard" / "main" / "2023-11-14" / "notes.txt").touch()
    os.utime(tmp_path / "yard" / "main" / "2023-11-13" / f"{seg_id(1)}.pgs")  # names count, not times
    assert [p.stem for p in newest(tmp_path, "yard", 4)] == [seg_id(n) for n in (5, 4, 3, 2, 6)]
    assert newest(tmp_path, "none") == ()
