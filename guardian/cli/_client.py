"""Speaks to the Guardian that runs on a data folder: its API, with a token that lives as long as the call."""

from __future__ import annotations

import asyncio
import http.client
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from guardian.model.errors import Conflict, GuardianError, ServiceUnavailable

TIMEOUT_S = 30.0
LABEL = "command line"


class Refused(GuardianError):
    """What the running Guardian answered."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(
            str(problem.get("detail") or f"Guardian answered {status}"),
            cure=str(problem.get("cure", "")),
            field=str(problem.get("field", "")),
        )
        self.status, self.code = status, str(problem.get("code", "error"))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Our API sends nobody elsewhere; whoever does gets neither token nor passphrase passed on."""

    def redirect_request(self, *_: Any) -> None:
        return None


def running_url(data: Path) -> str | None:
    """Return where the Guardian of a data folder serves, or None when none runs.

    The lock goes with its process, so what a killed one left behind is not believed: a secret must reach nobody else.
    """
    from guardian.platform.lock import LOCK_NAME, exclusive

    if not (data / LOCK_NAME).exists():
        return None
    try:
        with exclusive(data):
            return None
    except Conflict:
        pass
    try:
        return str(json.loads((data / "run.json").read_text(encoding="utf-8"))["url"])
    except (OSError, ValueError, KeyError, TypeError):
        raise ServiceUnavailable("Guardian is starting or ending", cure="Try again in a moment.") from None


def call(
    data: Path, url: str, method: str, path: str, body: dict[str, str] | None = None, timeout_s: float = TIMEOUT_S
) -> dict[str, Any]:
    """Return the API's answer. Refused with what it says; ServiceUnavailable when it says nothing."""
    token_id, secret = asyncio.run(_make_token(data))
    try:
        return _call(url + path, method, body, secret, timeout_s)
    finally:
        asyncio.run(_revoke(data, token_id))


def _call(url: str, method: str, body: dict[str, str] | None, secret: str, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, method=method, data=data)  # noqa: S310 - written by our own program: http
    request.add_header("Authorization", f"Bearer {secret}")
    request.add_header("Content-Type", "application/json")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())  # never by way of a proxy
    try:
        with opener.open(request, timeout=timeout_s) as answer:
            value = json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            if error.code >= 400:
                raise Refused(error.code, _problem(error.read())) from None
        value = None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise ServiceUnavailable("the running Guardian does not answer", cure="Look at its log.") from error
    if not isinstance(value, dict):
        raise ServiceUnavailable("what answers is no Guardian", cure="Look at its log, or start it again.")
    return value


def _problem(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


async def _make_token(data: Path) -> tuple[str, str]:
    from guardian.cli.token import DEFAULT_USER, accounts_of

    async with accounts_of(data) as accounts:
        made, secret = await accounts.create_token(next(iter(await accounts.users()), DEFAULT_USER), LABEL)
        return made.id, secret


async def _revoke(data: Path, token_id: str) -> None:
    from guardian.cli.token import accounts_of

    async with accounts_of(data) as accounts:
        await accounts.revoke_token(token_id)
