"""Logins: a browser's session, and a program's token. What a session's cookie holds is kept as a hash only."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import Final

from guardian_cloud.ephemeral.contract import Ephemeral
from guardian_cloud.identity.provider import Attempt, Provider, Subject, new_attempt
from guardian_cloud.model.errors import NotLoggedIn
from guardian_cloud.services.caller import Person
from guardian_cloud.services.people import People
from guardian_cloud.settings.schema import Identity

ATTEMPT_S: Final = 600  # to find one's second factor


@dataclass(frozen=True, slots=True)
class Session:
    """A fresh login: `secret` goes into the browser's cookie."""

    secret: str
    person: Person


def _key(secret: str) -> str:
    return f"session:{hashlib.sha256(secret.encode()).hexdigest()}"


class Logins:
    """The service."""

    def __init__(self, provider: Provider, people: People, ephemeral: Ephemeral, settings: Identity) -> None:
        self._provider, self._people, self._ephemeral = provider, people, ephemeral
        self._session_s = settings.session_hours * 3600

    async def begin(self, then: str) -> tuple[str, str]:
        """Begin a login; return the provider's address, and the state that the same browser must bring back."""
        attempt = new_attempt()
        kept = json.dumps({"nonce": attempt.nonce, "verifier": attempt.verifier, "then": then})
        url = await self._provider.authorization_url(attempt)
        await self._ephemeral.put(f"login:{attempt.state}", kept.encode(), ATTEMPT_S)
        return url, attempt.state

    async def end(self, state: str, code: str) -> tuple[Session, str]:
        """End a login; return the session, and where the person wanted to go. Each attempt ends once."""
        kept = await self._ephemeral.take(f"login:{state}")
        if kept is None:
            raise NotLoggedIn("this login took too long, or was ended before", cure="Log in again.")
        values = json.loads(kept)
        subject = await self._provider.redeem(code, Attempt(state, values["nonce"], values["verifier"]))
        return await self._open(subject), str(values["then"])

    async def _open(self, subject: Subject) -> Session:
        user = await self._people.user(subject.issuer, subject.subject)
        secret, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
        person = Person(user, subject.name, subject.email, csrf)
        kept = json.dumps({"user": user, "name": subject.name, "email": subject.email, "csrf": csrf})
        await self._ephemeral.put(_key(secret), kept.encode(), self._session_s)
        return Session(secret, person)

    async def session(self, secret: str) -> Person | None:
        """Return who a cookie is."""
        kept = await self._ephemeral.get(_key(secret))
        if kept is None:
            return None
        values = json.loads(kept)
        return Person(values["user"], values["name"], values["email"], values["csrf"])

    async def close(self, secret: str) -> None:
        """End a session."""
        await self._ephemeral.drop(_key(secret))

    async def bearer(self, token: str) -> Person:
        """Return who a program's token is; NotLoggedIn."""
        subject = await self._provider.bearer(token)
        user = await self._people.user(subject.issuer, subject.subject)
        return Person(user, subject.name, subject.email, "")
