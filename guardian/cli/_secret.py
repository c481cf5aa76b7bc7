"""A passphrase or password from a file or from standard input: never from the command line, which others can read."""

from __future__ import annotations

import sys
from pathlib import Path

from guardian.model.errors import BadRequest


def given(file: Path, what: str) -> str:
    """Return the text of a file (`-`: standard input) without its line end. `what`: passphrase, password; for errors."""
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return data.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise BadRequest(f"the {what} is no UTF-8 text", field=f"--{what}-file", cure="Save it as UTF-8.") from None
