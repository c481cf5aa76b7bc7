"""Plugs a USB camera in and out where there is none. Runs under `umockdev-wrapper`, which fakes sysfs and udev."""

import ctypes
import sys
import threading
import time

from guardian_usb.devices import find_all, wait_for

SERIAL = "046d_C270_ABC123"
LIB = ctypes.CDLL("libumockdev.so.0")
LIB.umockdev_testbed_new.restype = ctypes.c_void_p
LIB.umockdev_testbed_add_devicev.restype = ctypes.c_char_p
BED = ctypes.c_void_p(LIB.umockdev_testbed_new())


def add(subsystem: str, name: str, parent: bytes | None, attributes: dict[str, str], properties: dict[str, str]) -> bytes:
    """Add a device; return its path in sysfs."""

    def listed(given: dict[str, str]) -> ctypes.Array[ctypes.c_char_p]:
        return (ctypes.c_char_p * (2 * len(given) + 1))(*(text.encode() for pair in given.items() for text in pair), None)

    arguments = (subsystem.encode(), name.encode(), parent, listed(attributes), listed(properties))
    path: bytes = LIB.umockdev_testbed_add_devicev(BED, *arguments)
    return path


def plug_in(number: int, port: str) -> tuple[bytes, bytes, bytes]:
    """Plug a camera in: its picture node and the metadata node beside it."""
    usb = add("usb", port, None, {"idVendor": "046d", "idProduct": "0825"}, {"DEVTYPE": "usb_device"})
    common = {"ID_SERIAL": SERIAL, "ID_V4L_PRODUCT": "C270_HD_WEBCAM", "ID_BUS": "usb", "ID_PATH": f"pci-0-usb-{port}"}
    nodes = []
    for index, capabilities in ((0, ":capture:"), (1, ":")):
        node = {"DEVNAME": f"/dev/video{number + index}", "ID_V4L_CAPABILITIES": capabilities}
        nodes.append(add("video4linux", f"video{number + index}", usb, {"index": str(index)}, {**common, **node}))
    for node_path in nodes:
        LIB.umockdev_testbed_uevent(BED, node_path, b"add")
    return usb, nodes[0], nodes[1]


def unplug(paths: tuple[bytes, bytes, bytes]) -> None:
    """Unplug it."""
    for path in reversed(paths):
        LIB.umockdev_testbed_uevent(BED, path, b"remove")
        LIB.umockdev_testbed_remove_device(BED, path)


def say(*words: object) -> None:
    """Tell the test."""
    sys.stdout.write(" ".join(str(word) for word in words) + "\n")


def main() -> None:
    """Go through a camera's day."""
    stop = threading.Event()
    say("none", find_all())
    plugged: list[tuple[bytes, bytes, bytes]] = []
    timer = threading.Timer(1.2, lambda: plugged.append(plug_in(7, "1-2")))
    timer.start()
    began = time.monotonic()
    found = wait_for(SERIAL, stop, 10.0)
    took_s = time.monotonic() - began
    timer.join()
    say("came", found and f"{found.node} {found.stable_id} {found.title}")
    say("within", 1.0 < took_s < 2.5)
    say("there", [device.node for device in find_all()])
    unplug(plugged[0])
    say("gone", wait_for(SERIAL, stop, 0.5))
    plug_in(3, "1-4")
    elsewhere = wait_for(SERIAL, stop, 5.0)
    say("elsewhere", elsewhere and f"{elsewhere.node} {elsewhere.stable_id}")
    threading.Timer(0.3, stop.set).start()
    say("stopped", wait_for("another", stop, 30.0))


if __name__ == "__main__":
    main()
