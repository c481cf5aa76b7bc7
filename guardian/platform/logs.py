"""Structured logs on stderr: readable on a terminal, JSON on request. Says what a camera does, never what it saw."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

# Up to the last @ of what is written without a space: people write / and @ in passwords without escaping them.
_CREDENTIALS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)\S+@", re.IGNORECASE)
_QUERY = re.compile(
    r"(?P<name>[?&;](?:pass|passwd|password|pwd|psw|token|auth|key|secret|loginpas|loginpass)=)[^&;\s]*", re.I
)
_SECRET_WORDS = ("password", "passphrase", "secret", "token", "cookie", "authorization")


def redact(text: str) -> str:
    """Take user and password out of every URL in a text, also where they stand in its query."""
    return _QUERY.sub(r"\g<name>…", _CREDENTIALS.sub(r"\g<scheme>…@", text))


def _redact_fields(_: Any, __: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in fields.items():
        if any(word in key.lower() for word in _SECRET_WORDS):
            fields[key] = "…"
        elif isinstance(value, str):
            fields[key] = redact(value)
    return fields


class _Redacting(logging.Formatter):
    """What the standard library's loggers say, tracebacks too, without credentials."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def set_up_logs(*, as_json: bool = False, level: str = "info", **everywhere: str) -> None:
    """Set up structlog and the standard library's logging for this process. `everywhere`: fields of each line, whatever
    thread it comes from."""
    shared: list[Any] = [
        lambda _, __, fields: {**everywhere, **fields},
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # A traceback is plain: one that shows local variables shows passwords.
    on_terminal = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
    last: Any = structlog.processors.JSONRenderer() if as_json else on_terminal
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, _redact_fields, last],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redacting("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
