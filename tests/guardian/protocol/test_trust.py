"""The home's word on keys: what is believed, and all that is not."""

import os

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from guardian.protocol.trust import Statements, Untrusted, make_statement, make_tunnel_key, read_statement, read_tunnel_key
from guardian.protocol.v1 import trust_pb2 as trust

EDGE, RELAY, PHONE = b"e" * 16, b"r" * 16, b"p" * 16
home_key = Ed25519PrivateKey.generate()
HOME = home_key.public_key().public_bytes_raw()


def statement(subject=EDGE, number=1, role=trust.ROLE_EDGE, **fields):
    keys = {"signing_key": b"s" * 32, "tunnel_key": b"t" * 32} if not fields.get("revoked") else {}
    return trust.Statement(**{"home": HOME, "subject": subject, "role": role, "number": number} | keys | fields)


def signed(*args, key=home_key, **fields):
    return make_statement(statement(*args, **fields), key.sign)


def test_a_signed_statement_is_read():
    assert read_statement(signed(), HOME) == statement()


@pytest.mark.parametrize("bit", range(0, 400, 7))
def test_a_flipped_bit_is_seen(bit):
    one = signed()
    data = bytearray(one.body + one.signature)
    data[bit // 8 % len(data)] ^= 1 << bit % 8
    changed = trust.Signed(body=bytes(data[: len(one.body)]), signature=bytes(data[len(one.body) :]))
    with pytest.raises(Untrusted):
        read_statement(changed, HOME)


def test_a_cloud_that_signs_its_own_relay_is_refused():
    cloud = Ed25519PrivateKey.generate()
    with pytest.raises(Untrusted, match="signature"):
        Statements(HOME).accept(signed(RELAY, role=trust.ROLE_RELAY, key=cloud))


def test_a_signature_for_another_purpose_is_none():
    body = statement().SerializeToString()
    with pytest.raises(Untrusted):
        read_statement(trust.Signed(body=body, signature=home_key.sign(body)), HOME)


@pytest.mark.parametrize(
    "fields",
    [
        {"home": b"h" * 32},
        {"number": 0},
        {"subject": b"short"},
        {"role": trust.ROLE_UNSPECIFIED},
        {"signing_key": b""},
        {"tunnel_key": b"t"},
        {"sealing_key": b"s"},
        {"role": trust.ROLE_MEMBER},  # with a tunnel key
        {"certificate_sha256": b"c"},
    ],
)
def test_a_statement_that_says_nothing_sensible_is_refused_though_it_is_signed(fields):
    with pytest.raises(Untrusted):
        read_statement(signed(**fields), HOME)


def test_numbers_only_grow():
    held = Statements(HOME)
    assert held.accept(signed(number=5))
    assert not held.accept(signed(number=5))  # the same again is no news
    for number in (5, 4):
        with pytest.raises(Untrusted, match="not newer"):
            held.accept(signed(number=number, tunnel_key=b"u" * 32))
    assert held.accept(signed(number=6, tunnel_key=b"u" * 32))
    assert held.of(EDGE, trust.ROLE_EDGE, 0).tunnel_key == b"u" * 32
    assert held.highest == 6


def test_who_is_out_stays_out():
    held = Statements(HOME, [signed(number=1)])
    held.accept(signed(number=2, revoked=True))
    with pytest.raises(Untrusted, match="taken it out"):
        held.of(EDGE, trust.ROLE_EDGE, 0)
    with pytest.raises(Untrusted, match="out for good"):
        held.accept(signed(number=3))


def test_a_role_is_not_another():
    held = Statements(HOME, [signed(number=1)])
    with pytest.raises(Untrusted, match="another role"):
        held.of(EDGE, trust.ROLE_RELAY, 0)
    with pytest.raises(Untrusted, match="another role"):
        held.accept(signed(number=2, role=trust.ROLE_RELAY))


def test_a_statement_ends():
    held = Statements(HOME, [signed(expires_ms=1000)])
    assert held.of(EDGE, trust.ROLE_EDGE, 999)
    with pytest.raises(Untrusted, match="ended"):
        held.of(EDGE, trust.ROLE_EDGE, 1000)


def test_the_digest_is_of_what_is_held_not_of_the_way_it_came():
    one, two = signed(number=1), signed(RELAY, number=2, role=trust.ROLE_RELAY)
    assert Statements(HOME, [one, two]).digest() == Statements(HOME, [two, one]).digest()
    assert Statements(HOME, [one]).digest() != Statements(HOME, [one, two]).digest()


def test_a_tunnel_key_is_its_subjects_next():
    edge = Ed25519PrivateKey.generate()
    said = statement(signing_key=edge.public_key().public_bytes_raw())
    key = os.urandom(32)
    assert read_tunnel_key(make_tunnel_key(HOME, EDGE, 1, key, edge.sign), said, 1) == key
    for wrong in (
        make_tunnel_key(HOME, EDGE, 2, key, edge.sign),
        make_tunnel_key(HOME, RELAY, 1, key, edge.sign),
        make_tunnel_key(b"h" * 32, EDGE, 1, key, edge.sign),
        make_tunnel_key(HOME, EDGE, 1, b"short", edge.sign),
        make_tunnel_key(HOME, EDGE, 1, key, home_key.sign),
    ):
        with pytest.raises(Untrusted):
            read_tunnel_key(wrong, said, 1)
