import os
import stat

import pytest

from guardian.platform.files import Appender, free_bytes, make_private_dir, replace_file


def test_replacing_keeps_the_old_file_until_the_new_one_is_whole(tmp_path, monkeypatch):
    path = tmp_path / "config"
    replace_file(path, b"old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", fail)
    with pytest.raises(OSError, match="space"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"


def test_private_means_private(tmp_path):
    make_private_dir(tmp_path / "a" / "b")
    replace_file(tmp_path / "a" / "b" / "f", b"x")
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "a", tmp_path / "a" / "b")} == {0o700}
    assert stat.S_IMODE((tmp_path / "a" / "b" / "f").stat().st_mode) == 0o600


def test_an_appender_knows_what_is_whole(tmp_path):
    file = Appender(tmp_path / "x" / "f")
    file.append(b"abc")
    os.write(file._fd, b"torn")
    file.truncate_to_whole()
    file.append(b"def")
    file.sync()
    file.close()
    file.close()
    assert (tmp_path / "x" / "f").read_bytes() == b"abcdef"
    with pytest.raises(FileExistsError):
        Appender(tmp_path / "x" / "f")


def test_free_space_is_told(tmp_path):
    assert free_bytes(tmp_path) > 0
