"""The spare file: kept while there is room, given up when there is none."""

import os

import pytest

from guardian.store import spare


@pytest.fixture
def disk(monkeypatch):
    free = [1_000_000_000]
    monkeypatch.setattr(spare, "free_bytes", lambda _: free[0])
    return free


def test_it_takes_real_room_and_keeps_it_while_there_is_some(tmp_path, disk):
    spare.keep(tmp_path, 1_000_000)
    spare.keep(tmp_path, 1_000_000)
    spare.give_up(tmp_path)
    there = (tmp_path / spare.NAME).stat()
    assert there.st_blocks * 512 >= spare.SIZE
    assert there.st_mode & 0o777 == 0o600


def test_a_full_disk_gets_it_back(tmp_path, disk):
    spare.keep(tmp_path, 1_000_000)
    disk[0] = 1000
    spare.give_up(tmp_path)
    assert not (tmp_path / spare.NAME).exists()
    spare.give_up(tmp_path)
    spare.keep(tmp_path, 1_000_000)
    assert not (tmp_path / spare.NAME).exists()


def test_a_disk_that_refuses_leaves_nothing_behind(tmp_path, disk, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    spare.keep(tmp_path, 1_000_000)
    assert not (tmp_path / spare.NAME).exists()
