"""The OpenID Connect provider: code flow with PKCE (RFC 7636), id tokens, and access tokens of programs (RFC 9068), checked against its keys.

Only asymmetric algorithms are taken: with an HMAC our client secret would be a key, and `none` is nobody's signature.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from guardian.platform.clock import Clock
from guardian_cloud.model.errors import BadSetting, NotLoggedIn, Unavailable
from guardian_cloud.settings.schema import Identity

ALGORITHMS: Final = ["ES256", "ES384", "RS256", "PS256", "EdDSA", "Ed25519"]
LEEWAY_S: Final = 30  # clocks of two machines
DISCOVERY_S: Final = 3600.0
KEYS_AGAIN_S: Final = 60.0  # an unknown key may be a new one: ask again, but strangers cannot make us ask for each token
MOST_BYTES: Final = 256 * 1024
LONGEST_TOKEN: Final = 16 * 1024
TIMEOUT: Final = aiohttp.ClientTimeout(total=10)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom the provider has vouched for."""

    issuer: str
    subject: str
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """A login that has begun; kept until the browser comes back."""

    state: str
    nonce: str
    verifier: str

    @property
    def challenge(self) -> str:
        """S256 of the verifier."""
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")


def new_attempt() -> Attempt:
    """Begin a login."""
    return Attempt(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(64))


class Provider:
    """Speaks with the provider."""

    def __init__(self, settings: Identity, redirect: str, clock: Clock) -> None:
        self._settings, self._redirect, self._clock = settings, redirect, clock
        self._http: aiohttp.ClientSession | None = None
        self._found: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._lock = asyncio.Lock()

    async def authorization_url(self, attempt: Attempt) -> str:
        """Return where to send the browser."""
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._redirect,
            "scope": "openid profile email",
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        endpoint = str((await self._discovery())["authorization_endpoint"])
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    async def redeem(self, code: str, attempt: Attempt) -> Subject:
        """Exchange a code for who logged in. NotLoggedIn where anything about it is not as it must be."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect,
            "client_id": self._settings.client_id,
            "code_verifier": attempt.verifier,
        }
        secret = self._settings.client_secret.get_secret_value()
        auth = aiohttp.BasicAuth(self._settings.client_id, secret) if secret else None
        status, answer = await self._ask("POST", str((await self._discovery())["token_endpoint"]), data=form, auth=auth)
        if status != 200 or not isinstance(answer.get("id_token"), str):
            raise _refused()
        claims = await self._claims(answer["id_token"], self._settings.client_id, nonce=attempt.nonce)
        if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != self._settings.client_id:
            raise _refused()
        return _subject(claims)

    async def bearer(self, token: str) -> Subject:
        """Return whom an access token for the API speaks of; NotLoggedIn."""
        if not self._settings.audience or not self._settings.issuer:
            raise NotLoggedIn("the API takes no JWT here", cure="Set identity.audience.")
        if len(token) > LONGEST_TOKEN:
            raise _refused()
        return _subject(await self._claims(token, self._settings.audience, access=True))

    async def _claims(self, token: str, audience: str, *, nonce: str = "", access: bool = False) -> dict[str, Any]:
        try:
            decoded = await self._decode(token)
            kind = str(decoded.header.get("typ", "JWT")).lower().removeprefix("application/")
            if kind not in (("at+jwt", "jwt") if access else ("jwt",)):
                raise _refused()
            if access and "nonce" in decoded.claims:  # an id token is for us to read, not for others to show
                raise _refused()
            registry = jwt.JWTClaimsRegistry(
                now=self._clock.now().utc_us // 1_000_000,
                leeway=LEEWAY_S,
                iss={"essential": True, "value": self._settings.issuer},
                aud={"essential": True, "value": audience},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": not access},
                nbf={"essential": False},
                nonce={"essential": True, "value": nonce} if nonce else {"essential": False},
            )
            registry.validate(decoded.claims)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise _refused() from error
        return dict(decoded.claims)

    async def _decode(self, token: str) -> jwt.Token:
        keys = await self._key_set()
        try:
            return jwt.decode(token, keys, algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            newer = await self._key_set(again=True)
            if newer is keys:
                raise
            return jwt.decode(token, newer, algorithms=ALGORITHMS)

    async def _key_set(self, *, again: bool = False) -> KeySet:
        async with self._lock:
            age_s = self._clock.mono_s() - self._keys[0] if self._keys is not None else None
            if self._keys is None or age_s is None or age_s > DISCOVERY_S or (again and age_s > KEYS_AGAIN_S):
                _, answer = await self._ask("GET", str((await self._discovery())["jwks_uri"]))
                try:
                    self._keys = (self._clock.mono_s(), KeySet.import_key_set(answer))  # type: ignore[arg-type]
                except (JoseError, ValueError, KeyError, TypeError) as error:
                    raise Unavailable("the identity provider's keys cannot be read", cure="Try again.") from error
            return self._keys[1]

    async def _discovery(self) -> dict[str, Any]:
        if self._found is not None and self._clock.mono_s() - self._found[0] < DISCOVERY_S:
            return self._found[1]
        issuer = self._settings.issuer
        if not issuer or not self._settings.client_id:
            raise BadSetting(
                "no identity provider is set", field="identity.issuer", cure="Set identity.issuer and client_id."
            )
        status, answer = await self._ask("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if status != 200 or answer.get("issuer") != issuer:
            raise Unavailable("the identity provider gives another issuer than identity.issuer", cure="Correct the setting.")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not _safe(str(answer.get(name, ""))):
                raise Unavailable(f"the identity provider's {name} is missing or without TLS", cure="Use another provider.")
        self._found = (self._clock.mono_s(), answer)
        return answer

    async def check(self) -> None:
        """Unavailable or BadSetting where logging in cannot work."""
        await self._discovery()
        await self._key_set()

    async def _ask(self, method: str, url: str, **options: Any) -> tuple[int, dict[str, Any]]:
        if not _safe(url):
            raise BadSetting("identity.issuer must be an https address", field="identity.issuer", cure="Correct it.")
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=TIMEOUT)
        try:
            async with self._http.request(method, url, allow_redirects=False, **options) as response:
                body = await response.content.read(MOST_BYTES)
                answer = json.loads(body)
                return response.status, answer if isinstance(answer, dict) else {}
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Unavailable(
                "the identity provider does not answer", cure="Try again. Is identity.issuer right, and reachable from here?"
            ) from error

    async def close(self) -> None:
        """Let go of connections."""
        if self._http is not None:
            await self._http.close()


def _safe(url: str) -> bool:
    return url.startswith(("https://", "http://127.0.0.1:", "http://localhost:", "http://[::1]:"))


def _subject(claims: dict[str, Any]) -> Subject:
    name = claims.get("name") or claims.get("preferred_username") or ""
    email = claims.get("email", "") if claims.get("email_verified") is True else ""  # unproven: it may be somebody else's
    return Subject(str(claims["iss"])[:255], str(claims["sub"])[:255], str(name)[:120], str(email)[:255])


def _refused() -> NotLoggedIn:
    return NotLoggedIn("the identity provider's word was not accepted", cure="Log in again.")
