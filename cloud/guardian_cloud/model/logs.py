"""Which fields a log line may have. What is not listed is left out and counted: a log says what the cloud does, never about whom."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

# Nothing here can hold an address, a name, a word that lets somebody in, or anything from a home. `tenant` and `device` are random ids.
FIELDS = frozenset(
    {
        "event", "level", "timestamp", "logger", "exception",
        "tenant", "device", "task", "route", "method", "status", "took_ms", "error", "code", "state", "count", "revision",
        "listen", "wait_s", "kind", "role", "backend",
    }
)  # fmt: skip
MOST_TEXT = 200


def only_listed(_: Any, __: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: keep listed fields with short plain values."""
    left_out = 0
    for name in list(fields):
        value = fields[name]
        if name == "exception" and isinstance(value, str):
            continue
        if name not in FIELDS or not isinstance(value, str | int | float | bool | None):
            del fields[name]
            left_out += 1
        elif isinstance(value, str) and len(value) > MOST_TEXT:
            fields[name] = value[:MOST_TEXT] + "…"
    if left_out:
        fields["left_out"] = left_out
    return fields
