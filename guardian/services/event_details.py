"""What of an event is nobody's business while the vault is locked: where the thing was, moment by moment, what it is in
particular and how it looks, and the vector by which it is found.

Camera, label, zones and what happened there, score and times stay open in the index: retention, filters and notifications need them while the
vault is locked.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import structlog

from guardian.model.errors import GuardianError
from guardian.model.event import Attribute, Event, PathPoint
from guardian.model.segment import ContentKind, SegmentHeader
from guardian.model.vision import Box

if TYPE_CHECKING:
    from guardian.vault.keyring import Keyring
    from guardian.vault.sealer import VaultSealer

_log = structlog.get_logger(__name__)
DIGITS = 4  # of a coordinate: a hundredth of a pixel of a 4K camera's width would need no more than five


@dataclass(frozen=True, slots=True)
class Vector:
    """What an embedder made of an event's text: a signed byte a dimension."""

    embedder: str
    data: bytes


class EventDetails:
    """Seals them to the vault's newest key, and opens them while it is unlocked. Blocking, some 200 microseconds each."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._sealer: VaultSealer | None = None

    def seal(self, event: Event) -> bytes:
        """Return the details of an event as a sealed file."""
        content: dict[str, Any] = {"box": _sides(event.snapshot_box), "path": _points(event)}
        if event.sub_label:
            content["sub_label"] = event.sub_label
        if event.attributes:
            content["attributes"] = [[one.name, one.value, one.score] for one in event.attributes]
        return self._sealed(event, content)

    def with_vector(self, event: Event, sealed: bytes, vector: Vector) -> bytes:
        """Return the details sealed anew with a vector beside them; as they are where they do not open."""
        content = self._content(event, sealed)
        if content is None:
            return sealed
        return self._sealed(event, content | {"vector": [vector.embedder, b64encode(vector.data).decode()]})

    def _sealed(self, event: Event, content: dict[str, Any]) -> bytes:
        from guardian.vault.sealer import seal_whole

        header = SegmentHeader(
            segment_id=event.id,
            run_id=event.id,
            camera=event.camera,
            stream="main",
            kind=ContentKind.EVENT_DETAILS,
            start_utc_us=event.start_us,
            start_mono_us=0,
            start_90k=0,
        )
        return seal_whole(self._current(), header, json.dumps(content, separators=(",", ":")).encode())

    def _current(self) -> VaultSealer:
        from guardian.vault.sealer import VaultSealer

        if self._sealer is None or self._sealer.epoch != self._keyring.epoch:
            self._sealer = VaultSealer(self._keyring.public_key, self._keyring.epoch)
        return self._sealer

    def opened(self, event: Event, sealed: bytes) -> Event:
        """Return the event with its details; as it is while the vault is locked, or where they were changed."""
        return self.opened_with_vector(event, sealed)[0]

    def opened_with_vector(self, event: Event, sealed: bytes) -> tuple[Event, Vector | None]:
        """Return the event with its details, and its vector where there is one."""
        content = self._content(event, sealed)
        if content is None:
            return event, None
        try:
            path = tuple(PathPoint(at, Box(*sides)) for at, *sides in content["path"])
            words = tuple(
                Attribute(str(name), str(value), float(score)) for name, value, score in content.get("attributes", ())
            )
            vector = content.get("vector")
            return (
                replace(
                    event,
                    snapshot_box=_box(content["box"]),
                    path=path,
                    sub_label=str(content.get("sub_label", "")),
                    attributes=words,
                ),
                None if vector is None else Vector(str(vector[0]), b64decode(vector[1])),
            )
        except (ValueError, KeyError, TypeError) as error:
            _log.warning("event_details_damaged", event_id=event.id, problem=type(error).__name__)
            return event, None

    def _content(self, event: Event, sealed: bytes) -> dict[str, Any] | None:
        from guardian.vault.reader import open_bytes

        if not self._keyring.unlocked:
            return None
        try:
            header, content = open_bytes(sealed, self._keyring)
            if header.segment_id != event.id or header.kind is not ContentKind.EVENT_DETAILS:
                raise ValueError("they are of something else")
            value = json.loads(content)
            if not isinstance(value, dict):
                raise ValueError("they are no object")
            return value
        except (GuardianError, ValueError) as error:
            _log.warning("event_details_damaged", event_id=event.id, problem=type(error).__name__)
            return None


def _sides(box: Box | None) -> list[float] | None:
    return None if box is None else [round(side, DIGITS) for side in (box.x1, box.y1, box.x2, box.y2)]


def _points(event: Event) -> list[list[Any]]:
    return [[point.utc_us, *(_sides(point.box) or ())] for point in event.path]


def _box(sides: list[float] | None) -> Box | None:
    return None if sides is None else Box(*sides)
