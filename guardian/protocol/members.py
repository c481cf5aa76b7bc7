"""The home's statements about members: persons' keys that may sign commands, and devices that are told. Pure; `trust.py` is what makes one believed."""

from __future__ import annotations

from collections.abc import Sequence

from guardian.protocol.trust import Statements, Untrusted
from guardian.protocol.v1 import trust_pb2 as trust


def make_member(
    home: bytes, subject: bytes, number: int, now_ms: int, signing_key: bytes, sealing_key: bytes = b""
) -> bytes:
    """Return the body of "this key is a member's", to be signed by the home. `sealing_key`: of a device, which is told something."""
    one = trust.Statement(home=home, subject=subject, role=trust.ROLE_MEMBER, number=number, issued_ms=now_ms)
    one.signing_key, one.sealing_key = signing_key, sealing_key
    return bytes(one.SerializeToString(deterministic=True))


def make_out(home: bytes, subject: bytes, number: int, now_ms: int) -> bytes:
    """Return the body of "this member is out", to be signed by the home. There is no way back under that name."""
    one = trust.Statement(home=home, subject=subject, role=trust.ROLE_MEMBER, number=number, issued_ms=now_ms, revoked=True)
    return bytes(one.SerializeToString(deterministic=True))


def make_signed(body: bytes, signature: bytes) -> bytes:
    """Return a statement as it travels."""
    return bytes(trust.Signed(body=body, signature=signature).SerializeToString())


def member_key(home: bytes, said: Sequence[tuple[bytes, bytes]], member: bytes, now_ms: int) -> bytes | None:
    """Return the signing key of a member in force, of (body, signature) of the home's statements; each is verified anew."""
    try:
        held = Statements(home, [trust.Signed(body=body, signature=signature) for body, signature in said])
        return bytes(held.of(member, trust.ROLE_MEMBER, now_ms).signing_key)
    except Untrusted:
        return None
