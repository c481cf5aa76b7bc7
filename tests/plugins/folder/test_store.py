import os
from pathlib import Path

import pytest
from guardian_folder.store import FolderStore

from guardian.model.segment import ContentKind
from guardian.sdk import BadSetting, NotFound, SegmentHeader, SegmentRecord


def record(size=6):
    header = SegmentHeader("s1", "r1", "door", "main", ContentKind.VIDEO, 0, 0, 0)
    return SegmentRecord(header, 1, "door/main/2026-11-23/s1.pgs", 1, 90_000, size, 1, 15, True)


async def chunks(*parts, fail=False):
    for part in parts:
        yield part
    if fail:
        raise OSError(5, "Input/output error")


async def test_a_segment_is_kept_once_and_read_by_range(tmp_path):
    store = FolderStore(tmp_path)
    await store.put(record(), chunks(b"abc", b"def"))
    await store.put(record(), chunks(b"never read"))
    assert await store.read(record(), 2, 3) == b"cde"
    assert (await store.usage())[0] == 6
    await store.delete(record())
    await store.delete(record())
    with pytest.raises(NotFound):
        await store.read(record(), 0, 1)


async def test_half_a_copy_is_never_taken_for_a_whole_one(tmp_path):
    store = FolderStore(tmp_path)
    with pytest.raises(Exception, match="could not copy"):
        await store.put(record(), chunks(b"abc", fail=True))
    assert not (tmp_path / record().path).exists()


async def test_a_copy_outlasts_a_power_cut_before_it_is_said_to_be_kept(tmp_path, monkeypatch):
    """Our own copy may be given up then. A name is safe once its folder is synced after it was put there."""
    synced = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(Path(os.readlink(f"/proc/self/fd/{fd}"))), fsync(fd)))
    await FolderStore(tmp_path).put(record(), chunks(b"abc", b"def"))
    path = tmp_path / record().path
    assert synced[0] == path.with_name(path.name + ".part")
    assert set(synced[1:]) == {path.parent, path.parent.parent, path.parent.parent.parent, tmp_path}


async def test_a_missing_mount_is_not_made(tmp_path):
    with pytest.raises(BadSetting, match="is not there"):
        await FolderStore(tmp_path / "nas").put(record(), chunks(b"abcdef"))
    assert not (tmp_path / "nas").exists()
