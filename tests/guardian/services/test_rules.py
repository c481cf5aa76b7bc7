"""Rules are replaced in force, in the file and in the camera's process, or not at all."""

from pathlib import Path

import pytest

from guardian.model.errors import BadSetting, NotFound
from guardian.services.rules import RuleService
from guardian.settings.load import config_path, load
from guardian.settings.schema import DetectSettings

SQUARE = [[0, 0], [1, 0], [1, 1], [0, 1]]
FILE = """# my house
[place]
time_zone = "Europe/Berlin"  # summer time too

[cameras.front]
kind = "rtsp"
source = { url = "rtsp://192.0.2.7/1", password = "${DOOR_PASSWORD}" }

[cameras.front.detect]
labels = ["person", "cat"]  # no cars

[cameras.front.detect.zones.old]  # goes
points = [[0, 0], [1, 0], [1, 1]]

[cameras.back]
kind = "file"
"""


class Box:
    def __init__(self, folder: Path) -> None:
        config_path(folder).write_text(FILE)
        self.folder, self.settings, self.sent = folder, load(folder), []
        self.rules = RuleService(folder, lambda: self.settings, self._use, self._send)

    def _use(self, settings):
        self.settings = settings

    def _send(self, camera, message):
        self.sent.append((camera, message))
        return True


@pytest.fixture
def box(tmp_path):
    return Box(tmp_path)


async def test_rules_are_put_into_force_file_and_process(box):
    zones = {"yard": {"points": SQUARE, "labels": ["cat"]}}
    assert await box.rules.replace("front", {"zones": zones, "require_zone": True})
    assert list(box.rules.get("front").zones) == ["yard"]
    ((camera, message),) = box.sent
    assert (camera, message.time_zone) == ("front", "Europe/Berlin")
    assert DetectSettings.model_validate_json(message.detect_json) == box.rules.get("front")
    text = config_path(box.folder).read_text()
    assert all(comment in text for comment in ("# my house", "# summer time too", "# no cars"))
    assert "${DOOR_PASSWORD}" in text
    assert "old" not in text
    assert load(box.folder) == box.settings


async def test_what_is_wrong_changes_nothing(box):
    with pytest.raises(BadSetting) as caught:
        await box.rules.replace("front", {"zones": {"yard": {"points": SQUARE, "labels": ["persn"]}}})
    assert caught.value.field == "cameras.front.detect.zones.yard.labels"
    assert caught.value.cure.startswith("Did you mean person?")
    assert (config_path(box.folder).read_text(), box.sent) == (FILE, [])
    with pytest.raises(NotFound):
        await box.rules.replace("garden", {})


async def test_what_was_written_by_hand_meanwhile_is_kept_and_not_in_force(box):
    path = config_path(box.folder)
    path.write_text(FILE.replace("no cars", "by hand").replace("[cameras.back]", "[web]\nport = 9000\n\n[cameras.back]"))
    await box.rules.replace("front", {"require_zone": True})
    assert "port = 9000" in path.read_text()
    assert "# by hand" in path.read_text()
    assert box.settings.web.port == 8420
    assert box.settings.cameras["front"].detect.require_zone


async def test_a_file_that_is_broken_meanwhile_is_not_overwritten(box):
    config_path(box.folder).write_text("[cameras")
    with pytest.raises(BadSetting):
        await box.rules.replace("front", {"require_zone": True})
    assert config_path(box.folder).read_text() == "[cameras"
    assert not box.settings.cameras["front"].detect.require_zone
    assert box.sent == []


async def test_cameras_of_no_file_are_changed_until_the_end(box):
    config_path(box.folder).unlink()
    assert not await box.rules.replace("front", {"require_zone": True})
    assert box.settings.cameras["front"].detect.require_zone
    assert not config_path(box.folder).exists()


async def test_a_process_that_was_starting_meanwhile_is_told_once(box):
    box.rules.process_says("front", 7)
    assert box.sent == []
    await box.rules.replace("front", {"require_zone": True})
    box.sent.clear()
    for pid in (8, 8, 9):
        box.rules.process_says("front", pid)
    box.rules.process_says("back", 8)
    assert [camera for camera, _ in box.sent] == ["front", "front"]
