import shutil
import subprocess
import sys
from ctypes.util import find_library
from pathlib import Path
from types import SimpleNamespace

import pytest
from guardian_usb import devices
from guardian_usb.config import UsbConfig
from guardian_usb.devices import Device, choose, describe, told_apart
from pydantic import ValidationError

from guardian.sdk import Health

ROOT = Path(__file__).parents[3]


def udev(node="/dev/video0", index=b"0", **properties):
    return SimpleNamespace(device_node=node, properties=properties, attributes={} if index is None else {"index": index})


PLACE = "pci-0-usb-0:2:1.0"
C270 = {"ID_SERIAL": "046d_C270_ABC123", "ID_PATH": PLACE, "ID_V4L_CAPABILITIES": ":capture:"}


@pytest.mark.parametrize(
    ("device", "found"),
    [
        (udev(**C270, ID_V4L_PRODUCT="C270_HD"), Device("/dev/video0", "046d_C270_ABC123", "C270 HD", PLACE)),
        (udev(**C270, ID_MODEL="C270"), Device("/dev/video0", "046d_C270_ABC123", "C270", PLACE)),
        (udev(**C270), Device("/dev/video0", "046d_C270_ABC123", "046d C270 ABC123", PLACE)),
        (udev(ID_PATH="usb-0:2"), Device("/dev/video0", "usb-0:2", "usb-0:2", "usb-0:2")),
        (udev(), Device("/dev/video0", "/dev/video0", "/dev/video0", "/dev/video0")),
        (udev(index=None, **C270), Device("/dev/video0", "046d_C270_ABC123", "046d C270 ABC123", PLACE)),
        (udev(index="0\n", **C270), Device("/dev/video0", "046d_C270_ABC123", "046d C270 ABC123", PLACE)),
        (udev(index=b"1", **C270), None),
        (udev(node=None, **C270), None),
        (udev(**{**C270, "ID_V4L_CAPABILITIES": ":"}), None),
        (udev(**{**C270, "ID_V4L_CAPABILITIES": ":video_output:"}), None),
    ],
)
def test_what_udev_says_of_a_device(device, found):
    assert describe(device) == found


ONE = Device("/dev/video0", "one", "One", "usb-1")
TWO = Device("/dev/video2", "two", "Two", "usb-2")
TWIN = Device("/dev/video4", "one", "One", "usb-4")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("one", ONE), ("two", TWO), ("/dev/video2", TWO), ("usb-2", TWO), ("three", None), ("/dev/video1", None), ("", None)],
)
def test_a_setting_means_a_device_by_name_or_path(wanted, found):
    assert choose(wanted, [ONE, TWO]) == found


def test_cameras_without_serial_numbers_are_told_apart_by_their_places():
    first, second, twin = told_apart([ONE, TWO, TWIN])
    assert (first.stable_id, second.stable_id, twin.stable_id) == ("usb-1", "two", "usb-4")
    assert choose("usb-4", [first, second, twin]) == twin
    assert told_apart([ONE, TWO]) == [ONE, TWO]


def test_the_check_says_what_may_not_be_opened(monkeypatch, tmp_path):
    node = tmp_path / "video0"
    node.touch()
    monkeypatch.setattr(
        devices, "find_all", lambda: [Device(str(node), "one", "One"), Device("/nowhere/video9", "two", "Two")]
    )
    fine, wrong = devices.check()
    assert fine.health is Health.OK
    assert "one" in fine.message
    assert wrong.health is Health.WARNING
    assert "group `video`" in wrong.cure
    monkeypatch.setattr(devices, "find_all", list)
    assert [finding.health for finding in devices.check()] == [Health.INFO]


@pytest.mark.parametrize("wrong", ["", "/etc/passwd", "/home/x/video"])
def test_what_is_no_device_is_refused(wrong):
    with pytest.raises(ValidationError):
        UsbConfig(device=wrong)


def test_a_camera_that_is_plugged_in_unplugged_and_plugged_in_elsewhere():
    if shutil.which("umockdev-wrapper") is None or find_library("umockdev") is None:
        pytest.skip("umockdev is not installed (umockdev, libumockdev0)")
    script = ROOT / "tests" / "support" / "usb_hotplug.py"
    done = subprocess.run(
        ["umockdev-wrapper", sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}"},
    )
    assert done.stdout.splitlines() == [
        "none []",
        "came /dev/video7 046d_C270_ABC123 C270 HD WEBCAM",
        "within True",
        "there ['/dev/video7']",
        "gone None",
        "elsewhere /dev/video3 046d_C270_ABC123",
        "stopped None",
    ], done.stderr
