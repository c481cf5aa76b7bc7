"""What children are started with, where it is no message: importable without any codec."""

from __future__ import annotations

import socket
from dataclasses import dataclass


@dataclass(frozen=True)
class TranscodeJob:
    """The child's end of a socket pair."""

    sock: socket.socket
