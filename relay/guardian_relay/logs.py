"""JSON lines on stderr. Only fields of the list are written, only of the kinds and lengths that it allows: what a home, a
viewer or a library puts elsewhere never reaches a log.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

LONGEST_TEXT = 200
FIELDS = frozenset(
    {
        "attempt", "bytes", "check", "clips", "code", "count", "cure", "error", "events", "interface", "level", "number",
        "path", "port", "problem", "reason", "retry_s", "rotation", "signal", "state", "status", "task", "timestamp", "up_to",
        "version", "wait_s",
    }
)  # fmt: skip
EVENTS = frozenset(
    {
        "task_died", "relay_started", "relay_ending", "tunnel_up", "tunnel_down", "tunnel_failed", "tunnel_rotated",
        "tunnel_turned", "tunnel_silent", "edge_connected", "edge_gone", "edge_refused", "edge_silent", "edge_replaced", "edge_copied", "events_refused",
        "statement_refused", "statement_taken", "enrol_refused", "enrol_begun", "pairing_revealed", "pairing_over",
        "pairing_confirmed", "cloud_connected", "cloud_gone", "cloud_refused", "command_down", "certificate_renewed",
        "certificate_not_renewed", "clip_kept", "clip_dropped", "clip_failed", "store_full", "store_takes_again", "viewer_came", "viewer_gone",
        "detour_came", "detour_gone",
        "viewer_refused", "foreign_log", "rotation_refused",
    }
)  # fmt: skip


def only_listed(_: Any, __: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop what is not on the list; texts are cut, other values than texts, numbers and truth become their kind's name."""
    event = fields.get("event")
    kept: dict[str, Any] = {"event": event if event in EVENTS else "unlisted_event"}
    for name, value in fields.items():
        if name in FIELDS:
            kept[name] = _plain(value)
    error = fields.get("exc_info")
    if isinstance(error, BaseException):  # where, and of which kind; its text may hold anything
        kept["error"] = type(error).__name__
        kept["path"] = _place(error)
    return kept


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value[:LONGEST_TEXT]
    return value if isinstance(value, bool | int | float) or value is None else type(value).__name__


def _place(error: BaseException) -> str:
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return f"{place.tb_frame.f_globals.get('__name__', '')}:{place.tb_lineno}" if place is not None else ""


class _Foreign(logging.Handler):
    """Other libraries' lines: that there was one, of which library and how bad, and not what it says."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().warning("foreign_log", task=record.name, level=record.levelname.lower())


def set_up_logs(level: str = "info") -> None:
    """Set logging up for this process."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            only_listed,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, handlers=[_Foreign()], force=True)
