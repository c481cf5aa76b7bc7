"""Mends the end of a sealed file that a crash or a disk cut off. No key is needed, and nothing is lost: what goes is kept beside."""

from __future__ import annotations

import os
from pathlib import Path

from guardian.platform.files import PRIVATE_FILE, make_private_dir, sync_dir
from guardian.vault.format import pack_footer, pack_table
from guardian.vault.scan import ScannedSegment, scan

_CHUNK = 1024 * 1024


def mend_end(path: Path, tail: Path) -> None:
    """Cut off what is no whole record, after a copy of it went to `tail`, and write a bad footer again from the records.

    Calling it again changes nothing; after a crash in the middle, calling it again ends it.
    """
    scanned = scan(path, use_footer=False)
    if scanned.complete:
        return
    if path.stat().st_size > scanned.whole_bytes:
        _keep(path, scanned.whole_bytes, tail)
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.ftruncate(fd, scanned.whole_bytes)
        if _has_end_record(scanned):
            _write_all(fd, pack_footer(pack_table(list(scanned.table))), scanned.whole_bytes)
        os.fsync(fd)
    finally:
        os.close(fd)


def is_ended(path: Path) -> bool:
    """Whether all records are there up to the end record, whatever the footer says."""
    return _has_end_record(scan(path, use_footer=False))


def _has_end_record(scanned: ScannedSegment) -> bool:
    last = scanned.table[-1] if scanned.table else None
    return scanned.whole_bytes > (last.offset + last.size if last is not None else scanned.parsed.size)


def _keep(path: Path, start: int, tail: Path) -> None:
    """Copy the end of a file. `tail` is there once it is whole."""
    make_private_dir(tail.parent)
    new = tail.with_name(f"{tail.name}.new")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        with path.open("rb") as file:
            file.seek(start)
            at = 0
            while chunk := file.read(_CHUNK):
                at = _write_all(fd, chunk, at)
        os.fsync(fd)
    finally:
        os.close(fd)
    new.replace(tail)
    sync_dir(tail.parent)


def _write_all(fd: int, data: bytes, at: int) -> int:
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, at)
        view, at = view[written:], at + written
    return at
