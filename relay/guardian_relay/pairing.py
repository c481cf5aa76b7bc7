"""The Pairing service: a home joins with a one-time code, in three calls (docs/protocol.md#pairing)."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Any

import grpc
import structlog
from cryptography.hazmat.primitives import serialization

from guardian.platform.clock import Clock
from guardian.protocol.pairing import CODE_BYTES, NONCE_BYTES, PAIRING_BYTES, opens, short_code
from guardian.protocol.trust import KEY_BYTES, SUBJECT_BYTES, Statements, Untrusted
from guardian.protocol.tunnel import Keys, KeySet
from guardian.protocol.v1 import link_pb2 as link
from guardian.protocol.v1 import trust_pb2 as trust
from guardian.protocol.wireguard import public_key
from guardian_relay.index.joined import Joined, JoinStore
from guardian_relay.keys import Identity

_log = structlog.get_logger(__name__)
UNDER_WAY_S = 600.0
MOST_UNDER_WAY = 16
WRONG_WAIT_S = 1.0
Opened = Callable[[Joined, Statements, Keys], Awaitable[None]]
_RAW = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)


@dataclass(slots=True)
class UnderWay:
    """A pairing between its calls."""

    request: link.EnrolRequest
    reply: link.EnrolReply
    network: bytes
    began_s: float
    revealed: bool = False


def addresses(network: bytes) -> tuple[str, str]:
    """Return the relay's and the edge's address in a /64."""
    first = int.from_bytes(network) << 64
    return str(IPv6Address(first + 1)), str(IPv6Address(first + 2))


class PairingService:
    """Implements Pairing. `opened` opens the tunnel; it is called when everything is kept."""

    def __init__(
        self,
        identity: Identity,
        store: JoinStore,
        clock: Clock,
        *,
        endpoint: str,
        link_port: int,
        version: str,
        opened: Opened,
    ) -> None:
        self._identity, self._store, self._clock, self._opened = identity, store, clock, opened
        self._endpoint, self._link_port, self._version = endpoint, link_port, version
        self._under_way: dict[bytes, UnderWay] = {}

    async def Enrol(self, request: link.EnrolRequest, context: Any) -> link.EnrolReply:
        """First call: the code is used up, whatever comes of it."""
        sizes = (
            len(request.code) == CODE_BYTES,
            len(request.home) == len(request.signing_key) == len(request.tunnel_key) == KEY_BYTES,
            len(request.edge) == SUBJECT_BYTES and len(request.commitment) == 32 and len(request.version) <= 64,
        )
        if not all(sizes):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "a field has a wrong length")
        if not await self._store.use(request.code, self._clock.now().utc_ms):
            await self._clock.sleep(WRONG_WAIT_S)
            _log.warning("enrol_refused", reason="code")
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "the code is not good")
        joined = await self._store.joined()
        if joined is not None and joined.home != request.home:
            _log.warning("enrol_refused", reason="another home is joined")
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "another home is joined")
        self._forget_old()
        network = b"\xfd" + os.urandom(5) + b"\x00\x00"
        relay_address, edge_address = addresses(network)
        reply = link.EnrolReply(
            pairing=os.urandom(PAIRING_BYTES),
            relay=self._identity.subject,
            signing_key=self._identity.signing.public_key().public_bytes(*_RAW),
            tunnel_key=public_key(self._identity.tunnel_private),
            nonce=os.urandom(NONCE_BYTES),
            endpoint=self._endpoint,
            edge_address=edge_address,
            relay_address=relay_address,
            link_port=self._link_port,
            version=self._version,
        )
        self._under_way[reply.pairing] = UnderWay(request, reply, network, self._clock.mono_s())
        _log.info("enrol_begun")
        return reply

    async def Reveal(self, request: link.RevealRequest, context: Any) -> link.RevealReply:
        """Second call: from now on this end shows the short code."""
        one = await self._find(request.pairing, context)
        if one.revealed or not opens(request.nonce, one.request):
            del self._under_way[request.pairing]
            await self._store.set_pairing(one.request.code, "over")
            _log.warning("pairing_over", reason="commitment")
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the nonce is not the one that was committed to")
        one.revealed = True
        await self._store.set_pairing(one.request.code, "revealed", short_code(one.request, one.reply, request.nonce))
        _log.info("pairing_revealed")
        return link.RevealReply()

    async def Confirm(self, request: link.ConfirmRequest, context: Any) -> link.ConfirmReply:
        """Third call: the home has signed both ends' keys."""
        one = await self._find(request.pairing, context)
        if not one.revealed or len(request.preshared_key) != KEY_BYTES:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not revealed, or no preshared key")
        try:
            said = await self._said(one, request)
        except Untrusted as error:
            _log.warning("statement_refused", reason=str(error))
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        del self._under_way[request.pairing]
        now_ms = self._clock.now().utc_ms
        joined = Joined(one.request.home, one.request.edge, one.network, now_ms)
        keys = KeySet(0, self._identity.tunnel_private, one.request.tunnel_key, request.preshared_key)
        await self._opened(joined, said, Keys(keys))
        await self._store.set_pairing(one.request.code, "confirmed")
        _log.info("pairing_confirmed")
        return link.ConfirmReply()

    async def _said(self, one: UnderWay, request: link.ConfirmRequest) -> Statements:
        """Return the home's statements with the two that came; Untrusted unless they give exactly these keys."""
        home, joined = one.request.home, await self._store.joined()
        said = await self._store.statements(home) if joined is not None and joined.home == home else Statements(home)
        said.accept(request.edge_statement)
        said.accept(request.relay_statement)
        now_ms = self._clock.now().utc_ms
        edge = said.of(one.request.edge, trust.ROLE_EDGE, now_ms)
        relay = said.of(one.reply.relay, trust.ROLE_RELAY, now_ms)
        if (edge.signing_key, edge.tunnel_key) != (one.request.signing_key, one.request.tunnel_key):
            raise Untrusted("the edge's statement gives other keys")
        if (relay.signing_key, relay.tunnel_key) != (one.reply.signing_key, one.reply.tunnel_key):
            raise Untrusted("the relay's statement gives other keys")
        return said

    async def _find(self, pairing: bytes, context: Any) -> UnderWay:
        self._forget_old()
        one = self._under_way.get(pairing)
        if one is None:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "no such pairing is under way")
            raise AssertionError  # abort raises
        return one

    def _forget_old(self) -> None:
        now_s = self._clock.mono_s()
        for pairing, one in list(self._under_way.items()):
            if now_s - one.began_s > UNDER_WAY_S or len(self._under_way) >= MOST_UNDER_WAY:
                del self._under_way[pairing]
