"""A small OpenID Connect provider for tests: discovery, code flow with PKCE, signed tokens, keys that can be changed. It speaks HTTP for real.

People log in by `login_hint` in a test, or by a form at /authorize in a browser.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from urllib.parse import urlencode

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet


class OidcProvider:
    """Start it with `await provider.start()`."""

    def __init__(self, client_id="cloud", client_secret="", audience="guardian-cloud-api"):
        self.client_id, self.client_secret, self.audience = client_id, client_secret, audience
        self.people = {}  # subject → claims
        self.codes = {}
        self.change_key()
        self.spoil = {}  # claims to put into the next id token
        self.jwks_asked = 0

    def change_key(self):
        self.key = ECKey.generate_key("P-256", parameters={"kid": secrets.token_hex(4), "use": "sig"})

    async def start(self, port=0, *, host="127.0.0.1", tls=None):
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._discovery)
        app.router.add_get("/authorize", self._authorize)
        app.router.add_post("/token", self._token)
        app.router.add_get("/keys", self._keys)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        site = web.TCPSite(self.runner, host, port, ssl_context=tls)
        await site.start()
        self.issuer = f"http{'s' if tls else ''}://{host}:{site._server.sockets[0].getsockname()[1]}"
        return self

    async def stop(self):
        await self.runner.cleanup()

    def add(self, subject, name=None, email=None):
        self.people[subject] = {
            "name": name or subject.title(),
            "email": email or f"{subject}@example.org",
            "email_verified": True,
        }

    async def _discovery(self, _):
        return web.json_response(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def _authorize(self, request):
        query = dict(request.query)
        assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
        assert query["client_id"] == self.client_id
        who = query.get("login_hint")
        if who not in self.people:
            fields = "".join(f'<input type="hidden" name="{name}" value="{value}">' for name, value in query.items())
            choices = "".join(f'<button name="login_hint" value="{one}">{one}</button>' for one in self.people)
            return web.Response(text=f"<form>{fields}{choices}</form>", content_type="text/html")
        code = secrets.token_urlsafe(16)
        self.codes[code] = (who, query)
        raise web.HTTPFound(f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}")

    async def _token(self, request):
        form = await request.post()
        who, query = self.codes.pop(form.get("code"), (None, None))
        if self.client_secret:
            expected = "Basic " + base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
            if request.headers.get("Authorization") != expected:
                return web.json_response({"error": "invalid_client"}, status=401)
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if (
            who is None
            or form["redirect_uri"] != query["redirect_uri"]
            or base64.urlsafe_b64encode(verifier).decode().rstrip("=") != query["code_challenge"]
        ):
            return web.json_response({"error": "invalid_grant"}, status=400)
        claims = {"aud": self.client_id, "nonce": query["nonce"], **self.people[who], **self.spoil}
        return web.json_response(
            {"token_type": "Bearer", "access_token": self.access_token(who), "id_token": self.sign(who, claims)}
        )

    async def _keys(self, _):
        self.jwks_asked += 1
        return web.json_response(KeySet([self.key]).as_dict(private=False))

    def sign(self, subject, claims, *, typ="JWT", key=None, alg="ES256"):
        now = int(time.time())
        body = {"iss": self.issuer, "sub": subject, "iat": now, "exp": now + 600, **claims}
        return jwt.encode({"alg": alg, "kid": self.key.kid, "typ": typ}, body, key or self.key)

    def access_token(self, subject, **claims):
        return self.sign(subject, {"aud": self.audience, **self.people.get(subject, {}), **claims}, typ="at+jwt")
