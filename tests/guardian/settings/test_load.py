"""The configuration file: read, refused with the cure, written back."""

from pathlib import Path

import pytest

from guardian.model.errors import BadSetting
from guardian.settings.load import check, config_path, load, save, validate
from guardian.settings.schema import CameraSettings, Settings

GOOD = """\
# my house
[web]
port = 9000  # behind the proxy

[storage]
days = "none"

[cameras.front]
kind = "rtsp"
source = { url = "rtsp://192.0.2.7/live" }  # the new one

[cameras.front.detect]
labels = ["person"]
zones.yard.points = [[0, 0], [1, 0], [1, 1]]
"""


def write(folder: Path, text: str | bytes) -> Path:
    config_path(folder).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def test_no_file_means_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path / "none") == Settings()


def test_a_file_is_read(tmp_path: Path) -> None:
    settings = load(write(tmp_path, GOOD))
    assert (settings.web.port, settings.storage.days) == (9000, None)
    assert settings.cameras["front"].source == {"url": "rtsp://192.0.2.7/live"}
    assert settings.cameras["front"].detect.zones["yard"].points[2] == (1, 1)


@pytest.mark.parametrize(
    ("text", "field", "message", "cure"),
    [
        ("[web]\nprot = 1", "web.prot", "no such setting", "Did you mean web.port?"),
        ("days = 3", "days", "no such setting", "Did you mean storage.days?"),
        ("[wbe]\nport = 1", "wbe", "no such setting", "Did you mean web?"),
        (
            "[cameras.a]\nkind = 'x'\n[cameras.a.record]\nsegments_s = 5",
            "cameras.a.record.segments_s",
            "no such",
            "segment_s?",
        ),
        ("[web]\nport = 'x'", "web.port", "valid integer", "0 to 65535"),
        ("[web]\nport = 70000", "web.port", "65535, not 70000", "whole number"),
        ("[cameras.a]\nname = 'x'", "cameras.a.kind", "is needed", "Kind of camera"),
        ("web = 3", "web", "must be a table", "[web]"),
        ("[log]\nlevel = 'loud'", "log.level", "not 'loud'", "debug or info or warning or error"),
        ("[cameras.'A b']\nkind = 'x'", "", "camera id 'A b'", "config explain"),
        (
            "[cameras.a]\nkind='x'\ndetect.zones.z.points = [[0,0],[1,1]]",
            "cameras.a.detect.zones.z.points",
            "three points",
            "Corners",
        ),
        ("[web\n", "", "no valid TOML", "line"),
        (b"\xff\xfe", "", "UTF-8", "UTF-8"),
        ("x = 1\nx = 2", "", "TOML", "line"),
    ],
)
def test_a_fault_names_file_field_and_cure(tmp_path: Path, text: str | bytes, field: str, message: str, cure: str) -> None:
    with pytest.raises(BadSetting) as caught:
        load(write(tmp_path, text))
    error = caught.value
    assert str(config_path(tmp_path)) in error.message
    assert error.field == field
    assert message in error.message
    assert cure in error.cure


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    settings, faults = check(write(tmp_path, "[web]\nport = 'x'\nhots = 'y'\n[storage]\ndays = -1"))
    assert settings is None
    assert [fault.field for fault in faults] == ["web.port", "web.hots", "storage.days"]


def test_a_fault_does_not_show_a_secret() -> None:
    raw = {"notify": {"a": {"kind": "webhook", "settings": "hunter2"}}}
    _, faults = validate(raw)
    assert faults
    assert "hunter2" not in repr(faults)


def test_none_as_text_stays_text_where_none_is_not_allowed() -> None:
    settings, _ = validate({"cameras": {"a": {"kind": "none", "name": "none"}}})
    assert settings is not None
    assert (settings.cameras["a"].kind, settings.cameras["a"].name) == ("none", "none")


def test_saving_what_was_loaded_changes_nothing(tmp_path: Path) -> None:
    settings = load(write(tmp_path, GOOD))
    save(tmp_path, settings)
    assert config_path(tmp_path).read_text() == GOOD
    assert config_path(tmp_path).stat().st_mode & 0o777 == 0o600


def test_saving_keeps_comments_and_changes_only_what_changed(tmp_path: Path) -> None:
    settings = load(write(tmp_path, GOOD))
    back = CameraSettings.model_validate({"kind": "usb", "source": {"device": "/dev/video0"}, "retention": {"days": None}})
    changed = settings.model_copy(
        update={
            "web": settings.web.model_copy(update={"port": 8420}),
            "storage": settings.storage.model_copy(update={"max_gb": 5.0}),
            "cameras": {**settings.cameras, "back": back},
        }
    )
    save(tmp_path, changed)
    text = config_path(tmp_path).read_text()
    assert "# my house" in text
    assert "port = 8420  # behind the proxy" in text
    assert "# the new one" in text
    assert "reserve_gb" not in text, "defaults are not written"
    assert load(tmp_path) == changed


def test_a_removed_camera_is_removed_from_the_file(tmp_path: Path) -> None:
    settings = load(write(tmp_path, GOOD))
    save(tmp_path, settings.model_copy(update={"cameras": {}}))
    assert "front" not in config_path(tmp_path).read_text()
    assert load(tmp_path).cameras == {}


def test_saving_makes_the_first_file(tmp_path: Path) -> None:
    settings = Settings.model_validate({"web": {"port": 1}, "cameras": {"a": {"kind": "testpattern"}}})
    save(tmp_path / "new", settings)
    assert load(tmp_path / "new") == settings
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_a_file_that_cannot_be_read_is_not_overwritten(tmp_path: Path) -> None:
    write(tmp_path, "[web\n")
    with pytest.raises(BadSetting):
        save(tmp_path, Settings())
    assert config_path(tmp_path).read_text() == "[web\n"
