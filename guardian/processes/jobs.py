"""What children are started with, where it is no message: importable without any codec."""

from __future__ import annotations

import socket
from dataclasses import dataclass


@dataclass(frozen=True)
class TranscodeJob:
    """The child's end of a socket pair."""

    sock: socket.socket


@dataclass(frozen=True)
class InsightJob:
    """The child's end of a socket pair, and the plugins' settings as JSON text of settings.schema."""

    sock: socket.socket
    data_dir: str
    plugins_json: str
