"""Joining a relay by an invitation: three calls over TLS that trusts the invitation's certificate and nothing else."""

from __future__ import annotations

import asyncio
import hashlib
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from guardian.protocol.pairing import NONCE_BYTES, BadInvitation, commitment, read_invitation, short_code
from guardian.protocol.rpc import OPTIONS, Stub
from guardian.protocol.trust import KEY_BYTES, SUBJECT_BYTES, Statements, Untrusted
from guardian.protocol.tunnel import Keys, KeySet
from guardian.protocol.v1 import link_pb2 as link
from guardian.protocol.v1 import trust_pb2 as trust
from guardian.protocol.wireguard import make_private_key, public_key
from guardian.sdk import BadRequest, ServiceUnavailable
from guardian_wireguard.state import Joined

PAIRING = link.DESCRIPTOR.services_by_name["Pairing"]
NAME = "guardian-relay"  # what the relay's certificate says; it is pinned by its hash
CONNECT_S, CALL_S = 10.0, 15.0
NEW = "Ask for another invitation: each is good once."
Sign = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Pairing:
    """A pairing whose short code is being compared."""

    invitation: link.Invitation
    certificate: bytes  # PEM
    request: link.EnrolRequest
    reply: link.EnrolReply
    signing: bytes
    tunnel: bytes
    short_code: str


async def begin(text: str, home: bytes, version: str) -> Pairing:
    """Use an invitation; return the pairing with its short code. BadRequest, ServiceUnavailable."""
    try:
        invitation = read_invitation(text)
    except BadInvitation as error:
        raise BadRequest(
            str(error), field="invitation", cure="Copy it whole, as `guardian-relay invite` shows it."
        ) from None
    certificate = await asyncio.to_thread(_certificate, invitation)
    signing, tunnel = Ed25519PrivateKey.generate(), make_private_key()
    nonce = os.urandom(NONCE_BYTES)
    request = link.EnrolRequest(
        code=invitation.code,
        home=home,
        edge=os.urandom(SUBJECT_BYTES),
        signing_key=signing.public_key().public_bytes_raw(),
        tunnel_key=public_key(tunnel),
        version=version,
    )
    request.commitment = commitment(nonce, request)
    async with _channel(invitation, certificate) as channel:
        stub = Stub(channel, PAIRING)
        reply = await _call(stub.Enrol, request)
        _check(reply)
        await _call(stub.Reveal, link.RevealRequest(pairing=reply.pairing, nonce=nonce))
    digits = short_code(request, reply, nonce)
    return Pairing(invitation, certificate, request, reply, signing.private_bytes_raw(), tunnel, digits)


async def finish(one: Pairing, sign: Sign, now_ms: int, rotated_us: int) -> Joined:
    """The digits are the same: have both ends' keys signed, and tell the relay. ServiceUnavailable, BadRequest, VaultLocked."""
    request, reply = one.request, one.reply
    said = Statements(request.home)
    for number, (subject, role, keys) in enumerate(
        [
            (request.edge, trust.ROLE_EDGE, (request.signing_key, request.tunnel_key)),
            (reply.relay, trust.ROLE_RELAY, (reply.signing_key, reply.tunnel_key)),
        ]
    ):
        statement = trust.Statement(
            home=request.home,
            subject=subject,
            role=role,
            number=now_ms + number,  # grows also over a home that was made anew from an older backup
            issued_ms=now_ms,
            signing_key=keys[0],
            tunnel_key=keys[1],
            certificate_sha256=one.invitation.certificate_sha256 if role == trust.ROLE_RELAY else b"",
        )
        body = statement.SerializeToString(deterministic=True)
        said.accept(trust.Signed(body=body, signature=await asyncio.to_thread(sign, body)))
    by_subject = {trust.Statement.FromString(s.body).subject: s for s in said.all()}
    preshared = os.urandom(KEY_BYTES)
    async with _channel(one.invitation, one.certificate) as channel:
        confirm = link.ConfirmRequest(
            pairing=reply.pairing,
            edge_statement=by_subject[request.edge],
            relay_statement=by_subject[reply.relay],
            preshared_key=preshared,
        )
        await _call(Stub(channel, PAIRING).Confirm, confirm)
    return Joined(
        home=request.home,
        edge=request.edge,
        signing=one.signing,
        relay=reply.relay,
        endpoint=reply.endpoint,
        edge_address=reply.edge_address,
        relay_address=reply.relay_address,
        link_port=reply.link_port,
        keys=Keys(KeySet(0, one.tunnel, reply.tunnel_key, preshared)),
        rotated_us=rotated_us,
        statements=said.all(),
    )


def trusted(joined: Joined, now_ms: int) -> Statements:
    """Return the home's statements if they give these very ends their roles; Untrusted. Nothing is opened without.

    A tunnel key of number 0 is the statement's own; a later one was signed by the key that the statement names, when it came.
    """
    said = Statements(joined.home, joined.statements)
    edge = said.of(joined.edge, trust.ROLE_EDGE, now_ms)
    relay = said.of(joined.relay, trust.ROLE_RELAY, now_ms)
    if edge.signing_key != joined.signing_key.public_key().public_bytes_raw():
        raise Untrusted("the home has signed another key of this edge")
    for one in (joined.keys.current, joined.keys.other):
        if (
            one is not None
            and one.number == 0
            and (relay.tunnel_key, edge.tunnel_key) != (one.peer, public_key(one.private))
        ):
            raise Untrusted("the home has not signed the tunnel's keys")
    return said


def _check(reply: link.EnrolReply) -> None:
    """The relay is a stranger yet: nothing of what it says may reach a configuration unless it has the shape that it should."""
    import ipaddress

    try:
        places = [ipaddress.IPv6Address(one) for one in (reply.relay_address, reply.edge_address)]
        host, _, port = reply.endpoint.rpartition(":")
        sound = all(one in ipaddress.IPv6Network("fd00::/8") for one in places) and places[0] != places[1]
        sound = sound and bool(host) and port.isdecimal() and 0 < int(port) < 65536 and len(reply.endpoint) < 300
        sound = sound and all(c.isalnum() or c in ".-:[]%" for c in reply.endpoint) and 0 < reply.link_port < 65536
        keys = (reply.signing_key, reply.tunnel_key, reply.pairing, reply.nonce)
        sound = sound and len(reply.relay) == SUBJECT_BYTES and all(len(key) == 32 for key in keys)
    except ValueError:
        sound = False
    if not sound:
        raise ServiceUnavailable("the relay's answer makes no sense", cure="Is it a relay of this version?")


def _certificate(invitation: link.Invitation) -> bytes:
    """Return the relay's certificate, if it is the one that the invitation names. Blocks."""
    host, _, port = invitation.address.rpartition(":")
    try:
        pem = ssl.get_server_certificate((host.strip("[]"), int(port)), timeout=CONNECT_S)
    except (OSError, ValueError) as error:
        raise ServiceUnavailable(
            f"the relay at {invitation.address} does not answer: {error}", cure="Does it run, and is that port open there?"
        ) from error
    if hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest() != invitation.certificate_sha256:
        raise ServiceUnavailable(
            f"what answers at {invitation.address} is not the relay of the invitation",
            cure="Somebody may be in between. Try another network, or ask for another invitation.",
        )
    return pem.encode()


def _channel(invitation: link.Invitation, certificate: bytes) -> Any:
    options = (*OPTIONS, ("grpc.ssl_target_name_override", NAME))
    return grpc.aio.secure_channel(invitation.address, grpc.ssl_channel_credentials(certificate), options)


async def _call(method: Any, request: Any) -> Any:
    try:
        return await method(request, timeout=CALL_S)
    except grpc.RpcError as error:
        code = error.code()
        if code == grpc.StatusCode.UNAUTHENTICATED:
            raise BadRequest(
                "the relay does not take the invitation: it was used, or has ended", field="invitation", cure=NEW
            ) from None
        if code == grpc.StatusCode.FAILED_PRECONDITION:
            cure = "There: guardian-relay forget. Or take another relay." if "home" in error.details() else NEW
            raise BadRequest(f"the relay refuses: {error.details()[:100]}", field="invitation", cure=cure) from None
        raise ServiceUnavailable(f"the relay: {code.name.lower().replace('_', ' ')}", cure="Try again.") from error
