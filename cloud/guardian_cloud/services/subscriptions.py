"""Where a member's devices are pushed to."""

from __future__ import annotations

import fnmatch
from typing import Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec

from guardian.platform.clock import Clock, new_id
from guardian_cloud.index import subscriptions
from guardian_cloud.index.engine import Store
from guardian_cloud.index.subscriptions import Subscription
from guardian_cloud.model.errors import BadRequest, NotFound
from guardian_cloud.model.roles import May
from guardian_cloud.services.caller import Caller, id_of
from guardian_cloud.settings.schema import Push

MOST_OF_ONE: Final = 20


class Subscriptions:
    """The service."""

    def __init__(self, store: Store, settings: Push, public_key: str, clock: Clock) -> None:
        self._store, self._settings, self._clock = store, settings, clock
        self.public_key = public_key  # of ours, for browsers; empty: there is no push

    async def add(self, caller: Caller, member: bytes, endpoint: str, p256dh: bytes, auth: bytes) -> str:
        """Keep where a device is pushed to; return its id. BadRequest where it is no push service that may be called."""
        caller.must(May.SUBSCRIBE)
        self._check(endpoint, p256dh, auth, member)
        one = Subscription(new_id(self._clock), caller.user, member, endpoint, p256dh, auth, self._clock.now().utc_us)
        async with self._store.tenant(caller.tenant) as connection:
            mine = await subscriptions.of_user(connection, caller.tenant, caller.user)
            if len(mine) >= MOST_OF_ONE:
                await subscriptions.drop(connection, caller.tenant, mine[0].id)
            await subscriptions.drop_endpoint(connection, caller.tenant, endpoint)
            await subscriptions.add(connection, caller.tenant, one)
        return one.id

    async def mine(self, caller: Caller) -> list[Subscription]:
        """Return one's own."""
        caller.must(May.SUBSCRIBE)
        async with self._store.look(caller.tenant) as connection:
            return await subscriptions.of_user(connection, caller.tenant, caller.user)

    async def remove(self, caller: Caller, one: str) -> None:
        """Push to a device no more."""
        caller.must(May.SUBSCRIBE)
        wanted = id_of(one, "subscription")
        async with self._store.tenant(caller.tenant) as connection:
            mine = [had.id for had in await subscriptions.of_user(connection, caller.tenant, caller.user)]
            if wanted not in mine:
                raise _none()
            await subscriptions.drop(connection, caller.tenant, wanted)

    def _check(self, endpoint: str, p256dh: bytes, auth: bytes, member: bytes) -> None:
        if not self.public_key:
            raise BadRequest("push is not set up here", field="endpoint", cure="The operator sets push.contact.")
        if not may_call(endpoint, self._settings.hosts):
            raise BadRequest(
                "this push service may not be called",
                field="endpoint",
                cure="The operator lists push services in push.hosts.",
            )
        if len(member) != 16:
            raise BadRequest("member must be 16 bytes", field="member", cure="The subject of the home's statement, in hex.")
        if len(auth) != 16:
            raise BadRequest("auth must be 16 bytes", field="auth", cure="As PushSubscription.getKey('auth') gives it.")
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), p256dh)
        except ValueError:
            raise BadRequest(
                "p256dh is no point of P-256", field="p256dh", cure="As PushSubscription.getKey('p256dh') gives it."
            ) from None


def may_call(endpoint: str, hosts: tuple[str, ...]) -> bool:
    """Whether an address that a browser gave is of a push service that the operator trusts: else we would call whatever we are told to."""
    try:
        parts = urlsplit(endpoint)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return False
    if parts.username or parts.password or len(endpoint) > 1000 or not endpoint.isascii() or not endpoint.isprintable():
        return False
    for one in hosts:
        if one.startswith("http://127.0.0.1:"):  # a push service of this machine, for trials
            if parts.scheme == "http" and host == "127.0.0.1" and port == int(one.rpartition(":")[2]):
                return True
        elif parts.scheme == "https" and port in (None, 443) and fnmatch.fnmatchcase(host, one.lower()):
            return True
    return False


def _none() -> NotFound:
    return NotFound("there is no such subscription of yours", cure="It may have ended: subscribe again.")
