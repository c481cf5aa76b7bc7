import os
import socket
import tempfile
from pathlib import Path

import pytest

from guardian.platform import runtime_dir
from guardian.platform.runtime_dir import LONGEST, PREFIX, YOUNG_S, RuntimeDir


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(runtime_dir, "LONGEST", 1000)  # a test's folder may have any name
    return tmp_path


def age(path):
    then = path.stat().st_mtime - YOUNG_S - 1
    os.utime(path, (then, then))


def test_the_folder_is_private_and_goes_with_its_owner(temporary):
    folder = RuntimeDir()
    assert folder.path.parent == temporary
    assert folder.path.stat().st_mode & 0o777 == 0o700
    (folder.path / "conductor.sock").touch()
    folder.close()
    folder.close()
    assert not folder.path.exists()


def test_what_a_killed_process_left_is_removed_and_what_is_held_stays(temporary):
    held = RuntimeDir()
    age(held.path)
    for name in (f"{PREFIX}abandoned", f"{PREFIX}fresh", "other"):
        (temporary / name).mkdir()
        (temporary / name / "inference.sock").touch()
    age(temporary / f"{PREFIX}abandoned")
    age(temporary / "other")
    (temporary / f"{PREFIX}link").symlink_to(temporary / "other")
    mine = RuntimeDir()
    left = {path.name for path in temporary.iterdir()}
    assert left == {held.path.name, mine.path.name, f"{PREFIX}fresh", f"{PREFIX}link", "other"}
    mine.close()
    held.close()


def test_a_temporary_folder_whose_name_is_too_long_for_sockets_is_not_used(tmp_path, monkeypatch):
    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    monkeypatch.setattr(runtime_dir, "LONGEST", LONGEST)
    made = RuntimeDir()
    try:
        assert made.path.parent == Path("/tmp")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(made.path / "conductor.sock"))
    finally:
        made.close()
