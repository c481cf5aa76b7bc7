"""Commands from afar as bytes: made, read, and what their signature covers. Pure: nothing here judges, or reads a clock.

The signature is over COMMAND_CONTEXT and the whole message with `signature` empty, its fields in the order of their numbers, as
every protobuf library writes them. What is not known here stays in place: a field that was slipped in makes the signature wrong.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from google.protobuf.message import DecodeError

from guardian.model.command import Answer, Asked, Wish
from guardian.protocol.v1 import events_pb2 as events

COMMAND_CONTEXT = b"guardian command v1\x00"
PING, REPORT, SET = "ping", "report", "set"
FREE = frozenset({PING, REPORT})  # they change nothing: anybody between may ask for them
MOST_COMMAND, MOST_BODY = 8192, 4096
MOST_VALUE = 1e6  # of a setting: days, gigabytes, seconds, scores


class BadCommand(ValueError):
    """Bytes that are no command."""


def read_command(raw: bytes) -> Asked:
    """Return a command; BadCommand."""
    if len(raw) > MOST_COMMAND:
        raise BadCommand("the command is too long")
    try:
        one: events.Command = events.Command.FromString(raw)
    except DecodeError:
        raise BadCommand("this is no command") from None
    signature = one.signature
    one.ClearField("signature")
    return Asked(
        one.id,
        one.issued_ms,
        one.expires_ms,
        one.verb,
        one.body,
        one.home,
        one.member,
        signature,
        one.SerializeToString(deterministic=True),
    )


def make_command(
    identity: bytes,
    verb: str,
    home: bytes,
    issued_ms: int,
    expires_ms: int,
    body: bytes = b"",
    sign: Callable[[bytes], bytes] | None = None,
    member: bytes = b"",
) -> bytes:
    """Return a command's bytes. `sign` signs them behind their context, as a member or the home; without it they carry no signature."""
    one = events.Command(
        id=identity, issued_ms=issued_ms, expires_ms=expires_ms, verb=verb, body=body, home=home, member=member
    )
    if sign is not None:
        one.signature = sign(one.SerializeToString(deterministic=True))
    return bytes(one.SerializeToString(deterministic=True))


def make_body(wish: Wish, camera: bytes) -> bytes:
    """Return what `set` carries. `camera`: its opaque id, for those in between read this, too; empty: of the house."""
    value: dict[str, Any] = {"setting": wish.setting, "value": wish.value}
    return json.dumps(value | ({"camera": camera.hex()} if camera else {}), separators=(",", ":")).encode()


def read_body(body: bytes) -> tuple[str, bool | float | None, bytes]:
    """Return setting, value and opaque camera of a `set`; BadCommand."""
    try:
        value = json.loads(body[: MOST_BODY + 1])
        setting, wanted, camera = value["setting"], value["value"], bytes.fromhex(value.get("camera", ""))
        sound = len(body) <= MOST_BODY and isinstance(setting, str) and 0 < len(setting) <= 80
        sound = sound and set(value) <= {"setting", "value", "camera"} and len(camera) in (0, 16)
        sound = sound and (
            wanted is None or (isinstance(wanted, bool | int | float) and abs(wanted) <= MOST_VALUE)
        )  # no NaN
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        sound = False
    if not sound:
        raise BadCommand("its body says no setting and value")
    return setting, wanted, camera


def make_done(identity: bytes, answer: Answer) -> bytes:
    """Return an answer's bytes."""
    done = events.CommandDone(id=identity, ok=answer.ok, code=answer.code, message=answer.message)
    return bytes(done.SerializeToString())
