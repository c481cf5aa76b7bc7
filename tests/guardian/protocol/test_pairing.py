"""Invitations survive copying or are refused, and the short code depends on every key of both ends."""

import pytest

from guardian.protocol.pairing import BadInvitation, commitment, invitation_text, opens, read_invitation, short_code
from guardian.protocol.v1 import link_pb2 as link

INVITATION = link.Invitation(address="relay.example:7443", certificate_sha256=b"c" * 32, code=b"k" * 32)
NONCE = b"n" * 32
REPLY = link.EnrolReply(
    pairing=b"p" * 32,
    relay=b"r" * 16,
    signing_key=b"S" * 32,
    tunnel_key=b"T" * 32,
    nonce=b"N" * 32,
    endpoint="relay.example:51820",
    edge_address="fd00::2",
    relay_address="fd00::1",
    link_port=7443,
)


def request(**fields):
    made = link.EnrolRequest(
        **{"home": b"h" * 32, "edge": b"e" * 16, "signing_key": b"s" * 32, "tunnel_key": b"t" * 32, "version": "1"} | fields
    )
    made.commitment = fields.get("commitment") or commitment(NONCE, made)
    return made


def test_an_invitation_is_read_as_it_was_made_also_over_several_lines():
    text = invitation_text(INVITATION)
    assert read_invitation(f" {text[:40]}\n  {text[40:]}\n") == INVITATION


def test_a_slip_is_seen():
    text = invitation_text(INVITATION)
    for at in range(len(text)):
        with pytest.raises(BadInvitation):
            read_invitation(text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :])
    with pytest.raises(BadInvitation):
        read_invitation(text[:-5])


@pytest.mark.parametrize("field", [{"address": "relay"}, {"code": b"k"}, {"certificate_sha256": b""}])
def test_an_invitation_that_lacks_something_is_refused(field):
    broken = link.Invitation.FromString(INVITATION.SerializeToString())
    broken.MergeFrom(link.Invitation())
    for name, value in field.items():
        setattr(broken, name, value)
    with pytest.raises(BadInvitation):
        read_invitation(invitation_text(broken))


def test_only_the_nonce_that_was_committed_to_opens():
    assert opens(NONCE, request())
    assert not opens(b"m" * 32, request())
    assert not opens(b"n" * 31, request())
    changed = request()
    changed.tunnel_key = b"u" * 32  # somebody put in a key of theirs
    assert not opens(NONCE, changed)


def test_every_key_nonce_and_place_is_in_the_short_code():
    right = short_code(request(), REPLY, NONCE)
    assert len(right) == 7
    assert right.replace(" ", "").isdecimal()
    others = {
        short_code(request(**{field: b"x" * 32}), REPLY, NONCE) for field in ("home", "edge", "signing_key", "tunnel_key")
    }
    for field, value in (
        ("relay", b"x" * 16),
        ("signing_key", b"x" * 32),
        ("tunnel_key", b"x" * 32),
        ("nonce", b"x" * 32),
        ("endpoint", "evil.example:51820"),
        ("edge_address", "fd00::3"),
        ("relay_address", "fd00::4"),
        ("link_port", 1),
    ):
        changed = link.EnrolReply.FromString(REPLY.SerializeToString())
        setattr(changed, field, value)
        others.add(short_code(request(), changed, NONCE))
    others.add(short_code(request(commitment=commitment(b"m" * 32, request())), REPLY, b"m" * 32))
    assert right not in others
    assert len(others) >= 12  # 13 of a million: two alike once in 13,000 such lists
