"""ZIP archives that others read."""

import io
import subprocess
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian.media.zip_write import ZipEntry, crc32_combine, directory, header_bytes, local_header

MADE = datetime(2026, 11, 23, 8, 15, 42, tzinfo=UTC)


def archive(files: dict[str, bytes], *, shift: int = 0) -> bytes:
    data, entries = b"", []
    for name, content in files.items():
        entry = ZipEntry(name, len(content), crc32(content), shift + len(data), MADE)
        assert len(local_header(entry)) == header_bytes(name)
        data += local_header(entry) + content
        entries.append(entry)
    return data + directory(entries, shift + len(data))


def test_pythons_reader_takes_it(tmp_path: Path) -> None:
    files = {"gate.mp4": b"video" * 1000, "Tür.txt": b"", "manifest.json": b"{}"}
    with zipfile.ZipFile(io.BytesIO(archive(files))) as read:
        assert read.testzip() is None
        assert {name: read.read(name) for name in read.namelist()} == files
        info = read.getinfo("gate.mp4")
        assert info.date_time == (2026, 11, 23, 8, 15, 42)
        assert info.external_attr >> 16 == 0o100644


def test_other_readers_take_it(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(archive({"gate.mp4": b"video" * 1000, "yard.mp4": b"x"}))
    done = (
        subprocess.run(["bsdtar", "-tf", str(tmp_path / "a.zip")], capture_output=True, text=True, check=False)
        if _has("bsdtar")
        else None
    )
    if done is None and _has("unzip"):
        done = subprocess.run(["unzip", "-tq", str(tmp_path / "a.zip")], capture_output=True, text=True, check=False)
    if done is None:
        pytest.skip("neither bsdtar nor unzip is here")
    assert done.returncode == 0, done.stdout + done.stderr


def _has(program: str) -> bool:
    from shutil import which

    return which(program) is not None


def test_sizes_and_places_above_4_gib_are_kept() -> None:
    huge = ZipEntry("a.mp4", 5 << 32, 7, 0, MADE)
    far = ZipEntry("b.mp4", 3, 8, 6 << 32, MADE)
    rows = directory([huge, far], 7 << 32)
    with zipfile.ZipFile(_Sparse(rows, 7 << 32)) as read:
        assert [(one.file_size, one.header_offset, one.CRC) for one in read.infolist()] == [(5 << 32, 0, 7), (3, 6 << 32, 8)]


class _Sparse(io.RawIOBase):
    """A file of which only the end is there."""

    def __init__(self, end: bytes, begin: int) -> None:
        self._end, self._begin, self._at = end, begin, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        base = {0: 0, 1: self._at, 2: self._begin + len(self._end)}[whence]
        if base + offset < 0:
            raise OSError
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        begin = self._at - self._begin
        found = self._end[begin:] if size < 0 else self._end[begin : begin + size]
        self._at += len(found)
        return found


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_checksums_of_pieces_join(first: bytes, second: bytes) -> None:
    assert crc32_combine(crc32(first), crc32(second), len(second)) == crc32(first + second)


def test_and_of_long_ones() -> None:
    zeros = bytes(10_000_019)
    assert crc32_combine(crc32(b"head"), crc32(zeros), len(zeros)) == crc32(b"head" + zeros)
