"""What makes a public key believed: the home's signature over a statement, and numbers that only grow. No I/O, no clock.

Everything that can go wrong is Untrusted: whoever gets it keeps what it held before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from google.protobuf.message import DecodeError

from guardian.protocol.v1 import link_pb2 as link
from guardian.protocol.v1 import trust_pb2 as trust

STATEMENT_CONTEXT = b"guardian trust v1\x00"
TUNNEL_CONTEXT = b"guardian tunnel v1\x00"
KEY_BYTES, SUBJECT_BYTES, SIGNATURE_BYTES, DIGEST_BYTES = 32, 16, 64, 32
MAX_BODY = 8192  # a statement with a hybrid sealing key is 1.5 KiB
Sign = Callable[[bytes], bytes]


class Untrusted(ValueError):
    """A statement or key that is not to be believed; the message says why."""


def make_statement(statement: trust.Statement, sign: Sign) -> trust.Signed:
    """Sign a statement with the home's key."""
    body = statement.SerializeToString(deterministic=True)
    return trust.Signed(body=body, signature=sign(STATEMENT_CONTEXT + body))


def read_statement(signed: trust.Signed, home: bytes) -> trust.Statement:
    """Return a statement that this home signed; Untrusted."""
    body = _verified(signed.body, signed.signature, home, STATEMENT_CONTEXT)
    try:
        statement: trust.Statement = trust.Statement.FromString(body)
    except DecodeError:
        raise Untrusted("the statement is none") from None
    if statement.home != home:
        raise Untrusted("the statement is of another home")
    _check_shape(statement)
    return statement


def _check_shape(one: trust.Statement) -> None:
    if len(one.subject) != SUBJECT_BYTES or not one.number:
        raise Untrusted("the statement names nobody, or has no number")
    if one.role not in (trust.ROLE_EDGE, trust.ROLE_RELAY, trust.ROLE_MEMBER):
        raise Untrusted("the statement gives no role")
    keys = (one.signing_key, one.tunnel_key, one.sealing_key, one.certificate_sha256)
    if one.revoked:
        if any(keys):
            raise Untrusted("the statement revokes and gives keys at once")
        return
    if len(one.signing_key) != KEY_BYTES:
        raise Untrusted("the statement gives no signing key")
    if one.role == trust.ROLE_MEMBER:
        if one.tunnel_key:  # a sealing key has who is told something, and not who only signs
            raise Untrusted("a member's statement gives no tunnel key")
    elif len(one.tunnel_key) != KEY_BYTES or one.sealing_key:
        raise Untrusted("the statement of an edge or relay gives a tunnel key and no sealing key")
    if one.certificate_sha256 and len(one.certificate_sha256) != DIGEST_BYTES:
        raise Untrusted("the statement's certificate digest is none")


class Statements:
    """The statements of one home that somebody holds: the newest of each subject."""

    def __init__(self, home: bytes, held: Iterable[trust.Signed] = ()) -> None:
        self.home = home
        self._held: dict[bytes, tuple[trust.Statement, trust.Signed]] = {}
        for signed in held:
            self.accept(signed)

    def accept(self, signed: trust.Signed) -> bool:
        """Take a statement in and say whether it is news. Untrusted when it is not the home's, or older than one that is held."""
        statement = read_statement(signed, self.home)
        before = self._held.get(statement.subject)
        if before is not None:
            if before[1].body == signed.body:
                return False
            if statement.number <= before[0].number:
                raise Untrusted(f"statement {statement.number} is not newer than {before[0].number}, which is held")
            if before[0].revoked:
                raise Untrusted("the subject is out for good: it comes back under another name only")
            if statement.role != before[0].role:
                raise Untrusted("the statement gives its subject another role")
        self._held[statement.subject] = (statement, signed)
        return True

    def of(self, subject: bytes, role: trust.Role, now_ms: int) -> trust.Statement:
        """Return the statement in force of a subject; Untrusted when there is none, it has ended, or its role is another."""
        held = self._held.get(subject)
        if held is None:
            raise Untrusted("the home has not signed it")
        statement = held[0]
        if statement.revoked:
            raise Untrusted("the home has taken it out")
        if statement.role != role:
            raise Untrusted("the home has given it another role")
        if statement.expires_ms and statement.expires_ms <= now_ms:
            raise Untrusted("the home's statement has ended")
        return statement

    @property
    def highest(self) -> int:
        """The highest number so far: the next statement takes the one after it."""
        return max((statement.number for statement, _ in self._held.values()), default=0)

    def all(self) -> tuple[trust.Signed, ...]:
        """All, in order of subject."""
        return tuple(self._held[subject][1] for subject in sorted(self._held))

    def digest(self) -> bytes:
        """SHA-256 over all of them: two that hold the same have the same."""
        return hashlib.sha256(b"".join(hashlib.sha256(one.body).digest() for one in self.all())).digest()


def make_tunnel_key(home: bytes, subject: bytes, number: int, tunnel_key: bytes, sign: Sign) -> link.SignedTunnelKey:
    """Sign a subject's next tunnel key with its own signing key."""
    value = link.TunnelKey(home=home, subject=subject, number=number, tunnel_key=tunnel_key)
    body = value.SerializeToString(deterministic=True)
    return link.SignedTunnelKey(body=body, signature=sign(TUNNEL_CONTEXT + body))


def read_tunnel_key(signed: link.SignedTunnelKey, statement: trust.Statement, number: int) -> bytes:
    """Return the tunnel key with this number that the subject of a statement in force signed; Untrusted."""
    body = _verified(signed.body, signed.signature, statement.signing_key, TUNNEL_CONTEXT)
    try:
        value: link.TunnelKey = link.TunnelKey.FromString(body)
    except DecodeError:
        raise Untrusted("the tunnel key is none") from None
    if (value.home, value.subject) != (statement.home, statement.subject) or len(value.tunnel_key) != KEY_BYTES:
        raise Untrusted("the tunnel key is somebody else's")
    if value.number != number:
        raise Untrusted(f"tunnel key {value.number} comes where {number} is next")
    return bytes(value.tunnel_key)


def _verified(body: bytes, signature: bytes, key: bytes, context: bytes) -> bytes:
    if len(body) > MAX_BODY or len(signature) != SIGNATURE_BYTES or len(key) != KEY_BYTES:
        raise Untrusted("body, signature or key have a wrong length")
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, context + body)
    except (InvalidSignature, ValueError):
        raise Untrusted("the signature is not right") from None
    return body
