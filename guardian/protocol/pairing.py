"""Joining a relay: the invitation as text, and the six digits that people compare. Pure; docs/protocol.md says why it is safe.

Who sits between the two ends would have to make both show the same digits. The edge commits to its nonce before it sees the
relay's, and the relay shows its own before it sees the edge's: neither end, and nobody between, can look for a match.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from google.protobuf.message import DecodeError

from guardian.protocol.v1 import link_pb2 as link

PREFIX = "guardian-relay:"
NONCE_BYTES = CODE_BYTES = PAIRING_BYTES = 32
DIGITS = 6
_COMMITMENT = b"guardian pairing v1 commitment\x00"
_SHORT_CODE = b"guardian pairing v1 short code\x00"
_CHECK_BYTES = 4


class BadInvitation(ValueError):
    """A text that is no invitation."""


def invitation_text(invitation: link.Invitation) -> str:
    """Return an invitation as text to copy or to scan, with a checksum against slips."""
    body = invitation.SerializeToString(deterministic=True)
    return PREFIX + base64.urlsafe_b64encode(body + _check(body)).decode().rstrip("=")


def read_invitation(text: str) -> link.Invitation:
    """Return what a text says; BadInvitation says what is wrong with it."""
    text = "".join(text.split())
    if not text.startswith(PREFIX):
        raise BadInvitation(f"an invitation begins with {PREFIX}")
    text = text.removeprefix(PREFIX)
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise BadInvitation("the invitation is mistyped") from None
    body, check = data[:-_CHECK_BYTES], data[-_CHECK_BYTES:]
    if not hmac.compare_digest(_check(body), check):
        raise BadInvitation("the invitation is mistyped, or a part of it is missing")
    try:
        invitation: link.Invitation = link.Invitation.FromString(body)
    except DecodeError:
        raise BadInvitation("the invitation is of another version") from None
    host, _, port = invitation.address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise BadInvitation("the invitation names no address")
    if len(invitation.certificate_sha256) != 32 or len(invitation.code) != CODE_BYTES:
        raise BadInvitation("the invitation is of another version")
    return invitation


def commitment(nonce: bytes, request: link.EnrolRequest) -> bytes:
    """What the edge says of its nonce before it shows it."""
    return hashlib.sha256(_COMMITMENT + _parts(nonce, *_edge(request))).digest()


def opens(nonce: bytes, request: link.EnrolRequest) -> bool:
    """Whether a nonce is the one that was committed to."""
    return len(nonce) == NONCE_BYTES and hmac.compare_digest(commitment(nonce, request), request.commitment)


def short_code(request: link.EnrolRequest, reply: link.EnrolReply, nonce: bytes) -> str:
    """Return the digits that both ends show, `123 456`: of both nonces, all keys and all addresses."""
    port = str(reply.link_port).encode()
    places = (reply.endpoint.encode(), reply.edge_address.encode(), reply.relay_address.encode(), port)
    relay = (reply.relay, reply.signing_key, reply.tunnel_key, reply.nonce, *places)
    digest = hashlib.sha256(_SHORT_CODE + _parts(request.commitment, nonce, *_edge(request), *relay)).digest()
    digits = f"{int.from_bytes(digest[:16]) % 10**DIGITS:0{DIGITS}d}"
    return f"{digits[:3]} {digits[3:]}"


def _edge(request: link.EnrolRequest) -> tuple[bytes, ...]:
    return request.home, request.edge, request.signing_key, request.tunnel_key, request.version.encode()


def _parts(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _check(body: bytes) -> bytes:
    return hashlib.sha256(b"guardian invitation v1\x00" + body).digest()[:_CHECK_BYTES]
