"""Asks the Guardian that runs on a data folder. What that takes is imported only then: a command's help is there at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def ask(data: Path, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the answer of the API below `/api/v1`; ServiceUnavailable where nothing runs, and what `_client.call` raises."""
    from guardian.cli._client import call, running_url
    from guardian.model.errors import ServiceUnavailable

    url = running_url(data)
    if url is None:
        raise ServiceUnavailable("Guardian does not run", cure="Start it: `guardian run`.")
    return call(data, url, method, f"/api/v1{path}", body)
