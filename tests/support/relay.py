"""A home and its edge as a relay meets them: keys, statements, events, and a clock that tests own."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from guardian.model.time import Instant
from guardian.protocol.pairing import NONCE_BYTES, commitment
from guardian.protocol.trust import make_statement
from guardian.protocol.v1 import events_pb2 as events
from guardian.protocol.v1 import link_pb2 as link
from guardian.protocol.v1 import trust_pb2 as trust
from guardian.protocol.wireguard import make_private_key, public_key

NOW_MS = 1_795_392_000_000


class OwnClock:
    """Time stands still but for `sleep`, which lets others work and moves nothing."""

    def __init__(self) -> None:
        self.ms = NOW_MS
        self.slept: list[float] = []

    def now(self) -> Instant:
        return Instant(self.ms * 1000, self.ms * 1000)

    def mono_s(self) -> float:
        return self.ms / 1000

    async def sleep(self, seconds: float) -> None:
        import asyncio

        self.slept.append(seconds)
        await asyncio.sleep(min(seconds, 0.02))


def raw(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


@dataclass
class Home:
    """A home with one edge."""

    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    signing: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    tunnel: bytes = field(default_factory=make_private_key)
    edge: bytes = b"e" * 16
    nonce: bytes = field(default_factory=lambda: os.urandom(NONCE_BYTES))

    @property
    def public(self) -> bytes:
        return raw(self.key)

    def request(self, code: bytes) -> link.EnrolRequest:
        made = link.EnrolRequest(
            code=code,
            home=self.public,
            edge=self.edge,
            signing_key=raw(self.signing),
            tunnel_key=public_key(self.tunnel),
            version="1",
        )
        made.commitment = commitment(self.nonce, made)
        return made

    def state(self, **fields: object) -> trust.Signed:
        return make_statement(trust.Statement(home=self.public, **fields), self.key.sign)  # type: ignore[arg-type]

    def edge_statement(self, number: int = 1, **fields: object) -> trust.Signed:
        keys = {"signing_key": raw(self.signing), "tunnel_key": public_key(self.tunnel)} if not fields.get("revoked") else {}
        return self.state(**({"subject": self.edge, "role": trust.ROLE_EDGE, "number": number} | keys | fields))

    def relay_statement(self, reply: link.EnrolReply, number: int = 2, **fields: object) -> trust.Signed:
        keys = {"signing_key": reply.signing_key, "tunnel_key": reply.tunnel_key}
        return self.state(**({"subject": reply.relay, "role": trust.ROLE_RELAY, "number": number} | keys | fields))


def event(number: int, length: int = 4096, **fields: object) -> events.Event:
    """An event with an id of its number."""
    values: dict[str, object] = {
        "id": number.to_bytes(16, "big"),
        "camera": b"c" * 16,
        "serial": number,
        "time_s": NOW_MS // 1000,
        "kind": events.KIND_CLASS_ALERT,
        "size": events.SIZE_CLASS_4K,
        "sealed": bytes(length),
    }
    return events.Event(**(values | fields))
