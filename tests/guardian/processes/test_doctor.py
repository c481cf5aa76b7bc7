"""What `guardian doctor` says of the file that unlocks the vault."""

from pathlib import Path

from guardian.model.health import Health
from guardian.processes.doctor import _unlock_file


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
