"""A push service for tests, and the browser behind it: it checks VAPID's signature and opens what RFC 8291 closed.

`got` is (who, what the home sealed, topic); `texts` are the messages as a browser hands them to its service worker.
"""

from __future__ import annotations

import base64
import os
import time

import http_ece
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey


def _raw(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class PushService:
    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.auth = os.urandom(16)
        self.got = []
        self.texts = []
        self.answers = []  # statuses to give first; then 201
        self.tried = 0

    async def start(self, port=0, *, host="127.0.0.1", tls=None):
        app = web.Application(client_max_size=8192)
        app.router.add_post("/push/{who}", self._push)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        site = web.TCPSite(self.runner, host, port, ssl_context=tls)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]
        self.base = f"https://{host}" if tls and self.port == 443 else f"http://{host}:{self.port}"
        return self

    async def stop(self):
        await self.runner.cleanup()

    def subscription(self, who, member):
        point = self.key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        text = [base64.urlsafe_b64encode(one).decode().rstrip("=") for one in (point, self.auth)]
        return {"member": member.hex(), "endpoint": f"{self.base}/push/{who}", "p256dh": text[0], "auth": text[1]}

    async def _push(self, request):
        self.tried += 1
        if self.answers and (status := self.answers.pop(0)) != 201:
            return web.Response(status=status)
        body = await request.read()
        assert len(body) <= 4096  # RFC 8030, section 7.2
        assert request.headers["Content-Encoding"] == "aes128gcm"
        assert int(request.headers["TTL"]) > 0
        scheme, _, rest = request.headers["Authorization"].partition(" ")
        assert scheme == "vapid"
        parts = dict(one.strip().split("=", 1) for one in rest.split(","))
        point = _raw(parts["k"])
        key = ECKey.import_key(
            {
                "kty": "EC",
                "crv": "P-256",
                "x": base64.urlsafe_b64encode(point[1:33]).decode().rstrip("="),
                "y": base64.urlsafe_b64encode(point[33:]).decode().rstrip("="),
            }
        )
        claims = jwt.decode(parts["t"], key, algorithms=["ES256"]).claims
        assert claims["aud"] == self.base
        assert claims["sub"].startswith("mailto:")
        assert 0 < claims["exp"] - time.time() <= 24 * 3600
        plain = http_ece.decrypt(body, private_key=self.key, auth_secret=self.auth, version="aes128gcm")
        self.texts.append(plain.decode("ascii"))
        self.got.append((request.match_info["who"], _raw(self.texts[-1]), request.headers["Topic"]))
        return web.Response(status=201)
