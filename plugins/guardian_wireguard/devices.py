"""Devices of members, which are told when something begins. The home signs who they are; what they are told is sealed to each of them.

The names that the owner gives them stay at home, and the secret that each shares with it: relay and cloud know a device by 16 bytes that it
chose, and cannot tell it anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from guardian.protocol.members import make_member, make_out
from guardian.protocol.push import BadDevice, Device, read_device, seal_push
from guardian.protocol.trust import Statements, Untrusted
from guardian.protocol.v1 import events_pb2 as events
from guardian.protocol.v1 import trust_pb2 as trust
from guardian.sdk import BadRequest, Conflict, MemberDevice, NotFound

MOST = 16  # pushes of one event: docs/protocol.md#limits


def device_of(text: str) -> Device:
    """Return the device of a text. BadRequest."""
    try:
        return read_device(text.strip())
    except BadDevice as error:
        raise BadRequest(
            f"this is no device: {error}", field="device", cure="Copy all that the device shows, from guardian-device: on."
        ) from None


def in_force(said: Statements | None, now_ms: int) -> list[trust.Statement]:
    """Return the statements of devices that are told."""
    found = []
    for signed in said.all() if said is not None else ():
        statement = trust.Statement.FromString(signed.body)
        try:
            if said is not None and statement.role == trust.ROLE_MEMBER:
                found.append(said.of(statement.subject, trust.ROLE_MEMBER, now_ms))
        except Untrusted:  # out, or over
            continue
    return found


def adding(said: Statements, device: Device, now_ms: int) -> bytes:
    """Return what the home is to sign so that a device is told. Conflict."""
    there = in_force(said, now_ms)
    if any(one.subject == device.subject for one in there):
        raise Conflict("this device is told already", cure="Take it out first, and have the device make new keys.")
    if len(there) >= MOST:
        raise Conflict(f"{MOST} devices are told already", cure="Take one out first.")
    number = _next(said, now_ms)
    return make_member(said.home, device.subject, number, now_ms, device.signing_key, device.sealing_key)


def removing(said: Statements, subject: bytes, now_ms: int) -> bytes:
    """Return what the home is to sign so that a device is told nothing more, for good. NotFound."""
    if all(one.subject != subject for one in in_force(said, now_ms)):
        raise NotFound("there is no such device", cure="guardian relay devices lists them.")
    return make_out(said.home, subject, _next(said, now_ms), now_ms)


def _next(said: Statements, now_ms: int) -> int:
    return max(now_ms, said.highest + 1)


def listed(said: Statements | None, names: Mapping[str, str], now_ms: int) -> tuple[MemberDevice, ...]:
    """Return the devices, as the owner sees them."""
    return tuple(
        MemberDevice(one.subject.hex(), names.get(one.subject.hex(), ""), one.issued_ms * 1000)
        for one in in_force(said, now_ms)
    )


def told(
    said: Statements | None, value: Mapping[str, Any], camera: str, secrets: Mapping[str, bytes], now_ms: int
) -> Sequence[events.Push]:
    """Return an event's start, sealed to each device."""
    event = value["event"]
    text = {"what": value["what"], "event": event["id"], "camera": camera, "label": event["label"], "start": event["start"]}
    return [
        events.Push(
            member=one.subject, sealed=seal_push(text, one.subject, one.sealing_key, secrets.get(one.subject.hex(), b""))
        )
        for one in in_force(said, now_ms)
    ]
