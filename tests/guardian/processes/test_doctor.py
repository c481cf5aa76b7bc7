"""What `guardian doctor` says of the file that unlocks the vault, and of the detector."""

import os
from pathlib import Path

import pytest

from guardian.model.health import Health
from guardian.platform.clock import SystemClock
from guardian.processes.doctor import _detector, _unlock_file
from guardian.settings.schema import DetectorSettings, Settings


def said(data: Path, name: str) -> list[tuple[Health, str]]:
    return [(one.health, one.message) for one in _unlock_file(data, name)]


def test_a_passphrase_that_everybody_can_read_is_told_of(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    assert said(tmp_path, "") == []
    ((health, _),) = said(tmp_path, str(file))
    assert health is Health.WARNING
    file.write_text("secret")
    file.chmod(0o644)
    ((health, message),) = said(tmp_path, str(file))
    assert (health, "other users" in message) == (Health.WARNING, True)
    file.chmod(0o600)
    ((health, message),) = said(tmp_path, str(file))
    assert (health, "disk of the footage" in message) == (Health.INFO, True)
    assert said(Path("/proc"), str(file))[0][0] is Health.OK


def of_detector(data: Path, **wish: str) -> list[tuple[Health, str, str]]:
    settings = Settings(detector=DetectorSettings(**wish))
    return [(one.health, one.message, one.cure) for one in _detector(data, settings, SystemClock())]


def test_the_detector_that_the_settings_name_is_loaded(tmp_path: Path) -> None:
    ((health, message, _),) = of_detector(tmp_path / "not there")
    assert health is Health.OK
    assert message.startswith("default by ")
    assert not (tmp_path / "not there").exists()


@pytest.mark.parametrize("what", ["no model", "damaged"])
def test_a_model_that_does_not_load_is_an_error_with_its_cure(tmp_path: Path, what: str) -> None:
    model = tmp_path / "mine.onnx"
    if what == "damaged":
        model.write_bytes(os.urandom(1000))
    ((health, message, cure),) = of_detector(tmp_path, model=str(model))
    assert health is Health.ERROR
    assert "mine" in message
    assert cure
