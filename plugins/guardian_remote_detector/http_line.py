"""Speaks HTTP to `guardian infer serve`: one kept connection a thread, made anew once when it has gone stale."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from typing import Any

from guardian.sdk import BadSetting, ServiceUnavailable
from guardian_remote_detector.config import RemoteDetectorConfig
from guardian_remote_detector.detector import RemoteModel

MOST_ANSWER = 4 << 20
FIELD = "plugins.settings.remote_detector"


class HttpLine:
    """Implements Line."""

    def __init__(self, config: RemoteDetectorConfig) -> None:
        self._config, self._local, self._tls = config, threading.local(), None
        self._open: set[http.client.HTTPConnection] = set()
        if config.scheme == "https":
            try:
                self._tls = ssl.create_default_context(cafile=config.ca_file or None)
            except (OSError, ssl.SSLError) as error:
                raise BadSetting(
                    f"ca_file cannot be used: {error}", field=f"{FIELD}.ca_file", cure="Give a PEM file."
                ) from error

    def describe(self) -> RemoteModel:
        """GET /v1/model."""
        got = self._ask("GET", "/v1/model")
        try:
            keys = ("backend", "device", "width", "height", "colour", "pad", "threshold", "revision")
            return RemoteModel(name=got["model"], labels=tuple(got["labels"]), **{key: got[key] for key in keys})
        except (KeyError, TypeError) as error:
            raise BadSetting("what answers there is no `guardian infer serve`", field=f"{FIELD}.url") from error

    def detect(self, revision: str, count: int, pictures: bytes) -> list[list[list[float]]]:
        """POST /v1/detect."""
        headers = {"X-Model-Revision": revision, "X-Count": str(count), "Content-Type": "application/octet-stream"}
        found: list[list[list[float]]] = self._ask("POST", "/v1/detect", pictures, headers)["pictures"]
        return found

    def _ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Any:
        for attempt in range(2):
            connection, fresh = self._connection()
            try:
                connection.request(method, path, body, {**(headers or {}), "Authorization": f"Bearer {self._config.token}"})
                answer = connection.getresponse()
                text = answer.read(MOST_ANSWER)
                break
            except (OSError, http.client.HTTPException) as error:
                self._drop(connection)
                if fresh or attempt or isinstance(error, TimeoutError):
                    raise _away(error) from error
        return _checked(answer.status, text)

    def _connection(self) -> tuple[http.client.HTTPConnection, bool]:
        kept: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if kept is not None:
            return kept, False
        (host, port), wait = self._config.address, self._config.deadline_s
        if self._tls is not None:
            made: http.client.HTTPConnection = http.client.HTTPSConnection(host, port, timeout=wait, context=self._tls)
        else:
            made = http.client.HTTPConnection(host, port, timeout=wait)
        self._local.connection = made
        self._open.add(made)
        return made, True

    def _drop(self, connection: http.client.HTTPConnection) -> None:
        connection.close()
        self._open.discard(connection)
        self._local.connection = None

    def close(self) -> None:
        """Hang up."""
        for connection in list(self._open):
            connection.close()


def _away(error: Exception) -> Exception:
    if isinstance(error, ssl.SSLCertVerificationError):
        return BadSetting(
            f"the other machine's certificate is not trusted: {error.verify_message}",
            field=f"{FIELD}.ca_file",
            cure="Give the certificate it was started with, made for the name in url.",
        )
    reason = (
        "no answer in time" if isinstance(error, TimeoutError) else getattr(error, "strerror", None) or type(error).__name__
    )
    return ServiceUnavailable(
        f"the remote detector is away: {reason}", cure="See whether `guardian infer serve` runs there."
    )


def _checked(status: int, text: bytes) -> Any:
    if status == 429:
        raise BlockingIOError("the remote detector has too much to do")
    if status == 403:
        raise BadSetting(
            "the remote detector does not know the token", field=f"{FIELD}.token", cure="Give one of its --token-file."
        )
    if status == 409:
        raise ServiceUnavailable("the remote detector runs another model now")
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if status != 200 or not isinstance(value, dict):
        raise ServiceUnavailable(f"the remote detector answered {status}", cure="See the log over there.")
    return value
