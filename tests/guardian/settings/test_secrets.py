"""Secrets are named, fetched and never shown."""

from pathlib import Path

import pytest

from guardian.model.errors import BadSetting
from guardian.settings.secrets import redacted, resolve


def test_env_and_file_are_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMERA_PASSWORD", "p@ss word")
    (tmp_path / "token").write_text("tock\nsecond line")
    values = {"url": "rtsp://h/", "password": "env:CAMERA_PASSWORD", "inner": {"token": f"file:{tmp_path}/token"}, "n": 3}
    assert resolve(values, "x") == {"url": "rtsp://h/", "password": "p@ss word", "inner": {"token": "tock"}, "n": 3}


@pytest.mark.parametrize("value", ["env:NO_SUCH_VARIABLE_HERE", "file:/no/such/file"])
def test_what_is_not_there_names_the_field(value: str) -> None:
    with pytest.raises(BadSetting) as caught:
        resolve({"password": value}, "cameras.front.source")
    assert caught.value.field == "cameras.front.source.password"
    assert caught.value.cure


def test_secrets_are_hidden() -> None:
    values = {
        "url": "rtsp://user:hunter2@h/",
        "Password": "hunter2",
        "list": [{"api_key": "hunter2", "port": 3}],
        "token": "",
    }
    shown = redacted(values)
    assert "hunter2" not in repr(shown)
    assert shown["list"][0]["port"] == 3
    assert shown["token"] == ""
