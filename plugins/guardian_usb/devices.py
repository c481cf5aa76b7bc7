"""Which cameras are plugged in, by udev: stable names, and waiting for one to come (back)."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyudev

from guardian.sdk import Finding, Health

POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Device:
    """A video device that can capture. `stable_id`: model and serial number, or `place` (on the bus) where several share it."""

    node: str
    stable_id: str
    title: str
    place: str = ""


def describe(device: Any) -> Device | None:
    """Return what udev says of a device; None where it does not capture (metadata nodes, outputs)."""
    properties = device.properties
    capabilities = properties.get("ID_V4L_CAPABILITIES")
    if device.device_node is None or (capabilities is not None and ":capture:" not in capabilities):
        return None
    index = device.attributes.get("index")
    if index is not None and index.strip() not in (b"0", "0"):
        return None
    stable = properties.get("ID_SERIAL") or properties.get("ID_PATH") or device.device_node
    title = properties.get("ID_V4L_PRODUCT") or properties.get("ID_MODEL") or stable
    return Device(device.device_node, stable, title.replace("_", " "), properties.get("ID_PATH") or device.device_node)


def choose(wanted: str, devices: Iterable[Device]) -> Device | None:
    """Return the device that a setting means: by stable name, by place on the bus, or by path."""
    return next((device for device in devices if wanted and wanted in (device.stable_id, device.place, device.node)), None)


def told_apart(devices: Sequence[Device]) -> list[Device]:
    """Name by their places devices that share a name: two cameras of one model without serial numbers."""
    times = Counter(device.stable_id for device in devices)
    return [
        replace(device, stable_id=device.place) if times[device.stable_id] > 1 and device.place else device
        for device in devices
    ]


def find_all() -> list[Device]:
    """Return every camera that is plugged in."""
    listed = pyudev.Context().list_devices(subsystem="video4linux")
    return told_apart([found for found in map(describe, listed) if found is not None])


def wait_for(wanted: str, stop: threading.Event, within_s: float) -> Device | None:
    """Return the device as soon as it is there; None when it did not come, or when told to stop."""
    context = pyudev.Context()
    monitor = pyudev.Monitor.from_netlink(context)
    monitor.filter_by("video4linux")
    monitor.start()
    waited = 0.0
    while not stop.is_set():
        found = choose(wanted, (d for d in map(describe, context.list_devices(subsystem="video4linux")) if d is not None))
        if found is not None or waited >= within_s:
            return found
        monitor.poll(POLL_S)
        waited += POLL_S
    return None


def check() -> Sequence[Finding]:
    """Say which cameras there are and whether this user may open them."""
    findings = []
    for device in find_all():
        if os.access(device.node, os.R_OK | os.W_OK):
            findings.append(Finding("usb camera", Health.OK, f"{device.title}: {device.stable_id} at {device.node}"))
        else:
            findings.append(
                Finding(
                    "usb camera", Health.WARNING, f"{device.node} may not be opened", "Add this user to the group `video`."
                )
            )
    return findings or [Finding("usb camera", Health.INFO, "none is plugged in")]
