"""Web push (RFC 8030, 8291, 8292). What we send was sealed by the home for that device: push services, and we, carry it and read nothing.

RFC 8291 alone would hide it from the push service, but not from us, who hold its plaintext. It goes as base64url: Chromium hands a service
worker what is UTF-8, and of other bytes nothing (seen in Chromium 156).
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02
from pywebpush import WebPusher

from guardian.platform.clock import Clock
from guardian.platform.files import make_private_dir, replace_file
from guardian_cloud.model.errors import BadSetting

KEY_NAME: Final = "vapid.key"
TTL_S: Final = 3600  # an alert of an hour ago helps nobody
SIGNED_S: Final = 12 * 3600  # RFC 8292: at most 24 h
TIMEOUT: Final = aiohttp.ClientTimeout(total=10)


class Sent(StrEnum):
    """What a push service said."""

    DONE = "done"
    GONE = "gone"  # this browser is not there any more
    REFUSED = "refused"  # trying again would not help
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where and to which keys."""

    endpoint: str
    p256dh: bytes
    auth: bytes


def ensure_key(folder: Path) -> None:
    """Make our key where there is none. A new one would end all subscriptions."""
    make_private_dir(folder)
    if not (folder / KEY_NAME).exists():
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        replace_file(folder / KEY_NAME, pem)


class WebPush:
    """Sends."""

    def __init__(self, folder: Path, contact: str, clock: Clock) -> None:
        self._contact, self._clock = contact, clock
        self._http: aiohttp.ClientSession | None = None
        try:
            self._key = Vapid02.from_pem((folder / KEY_NAME).read_bytes())
        except Exception as error:
            raise BadSetting(
                f"{folder / KEY_NAME} cannot be read", field="authority.dir", cure="`guardian-cloud migrate` makes one."
            ) from error

    @property
    def public_key(self) -> str:
        """For browsers: the point in URL-safe base64."""
        point = self._key.public_key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        return base64.urlsafe_b64encode(point).decode().rstrip("=")

    async def send(self, receiver: Receiver, sealed: bytes, topic: bytes) -> Sent:
        """Send; of two with one topic a push service keeps the later, so a second try does not ring twice."""
        info = {
            "endpoint": receiver.endpoint,
            "keys": {
                "p256dh": base64.urlsafe_b64encode(receiver.p256dh).decode(),
                "auth": base64.urlsafe_b64encode(receiver.auth).decode(),
            },
        }
        text = base64.urlsafe_b64encode(sealed).rstrip(b"=")
        body = WebPusher(info).encode(text, content_encoding="aes128gcm")["body"]
        parts = urlsplit(receiver.endpoint)
        claims = {
            "sub": self._contact,
            "aud": f"{parts.scheme}://{parts.netloc}",
            "exp": self._clock.now().utc_us // 1_000_000 + SIGNED_S,
        }
        headers = {
            **self._key.sign(claims),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(TTL_S),
            "Urgency": "high",
            "Topic": base64.urlsafe_b64encode(hashlib.sha256(topic).digest()[:24]).decode(),
        }
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=TIMEOUT, auto_decompress=False)
        try:
            async with self._http.post(receiver.endpoint, data=body, headers=headers, allow_redirects=False) as answer:
                return _meaning(answer.status)
        except (aiohttp.ClientError, TimeoutError):
            return Sent.LATER

    async def close(self) -> None:
        """Let go of connections."""
        if self._http is not None:
            await self._http.close()


def _meaning(status: int) -> Sent:
    if status in (200, 201, 202, 204):
        return Sent.DONE
    if status in (404, 410):
        return Sent.GONE
    return Sent.LATER if status == 429 or status >= 500 else Sent.REFUSED
