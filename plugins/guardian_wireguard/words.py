"""From what happened to what is sent: an open part without a meaning of its own, and a part that only the vault opens."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from typing import Any

from guardian.protocol.v1 import events_pb2 as events
from guardian.sdk import CameraChange, Event, to_rfc3339

SIZES = {4096: events.SIZE_CLASS_4K, 16384: events.SIZE_CLASS_16K, 65536: events.SIZE_CLASS_64K}
MOST_PATH = 100  # points; the page has them all
Seal = Callable[[str, bytes, tuple[int, ...], int], bytes]


def opaque(key: bytes, camera: str) -> bytes:
    """Return a camera's id for machines in between: 16 bytes that mean something to this home alone, the same ones each time."""
    return hmac.digest(key, b"guardian camera v1\x00" + camera.encode(), hashlib.sha256)[:16]


def of_event(what: str, event: Event) -> dict[str, Any]:
    """Return what is sealed of an event's start or end."""
    step = max(1, len(event.path) // MOST_PATH)
    return {
        "what": what,
        "event": {
            "id": event.id,
            "camera": event.camera,
            "label": event.label,
            "sub_label": event.sub_label,
            "score": round(event.score, 3),
            "start": to_rfc3339(event.start_us),
            "end": to_rfc3339(event.end_us) if event.end_us is not None else None,
            "zones": list(event.zones),
            "happenings": [
                {"zone": one.zone, "what": one.what.value, "at": to_rfc3339(one.utc_us)} for one in event.happenings
            ],
            "attributes": [{"name": one.name, "value": one.value} for one in event.attributes],
            "box": _box(event.snapshot_box) if event.snapshot_box is not None else None,
            "path": [{"at": to_rfc3339(one.utc_us), "box": _box(one.box)} for one in event.path[::step]],
        },
    }


def of_camera(change: CameraChange) -> dict[str, Any]:
    """Return what is sealed of a camera's coming and going."""
    return {"what": "camera", "camera": change.camera, "state": change.state.value}


def message(
    value: dict[str, Any],
    kind: events.KindClass,
    camera: bytes,
    name: str,
    utc_us: int,
    seal: Seal,
    push: Sequence[events.Push] = (),
) -> Callable[[int], events.Event]:
    """Return what makes the message once its serial is known. It is sealed now: only the newest key is at hand, and no more is
    needed. The clear header of the sealed part has the second, like the open part, and not the microsecond."""
    second = utc_us // 1_000_000
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    sealed = seal(name, text, tuple(SIZES), second * 1_000_000)
    identity = bytes.fromhex(name.replace("-", ""))

    def make(serial: int) -> events.Event:
        size = SIZES[len(sealed)]
        return events.Event(
            id=identity, camera=camera, serial=serial, time_s=second, kind=kind, size=size, sealed=sealed, push=push
        )

    return make


def _box(box: Any) -> list[float]:
    return [round(float(getattr(box, name)), 4) for name in ("x1", "y1", "x2", "y2")]
