"""Who is told: whom the home has signed and not taken out, each in their own seal."""

import os

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from guardian_wireguard import devices

from guardian.model.errors import BadRequest, Conflict, NotFound
from guardian.protocol.push import Device, device_text, open_push
from guardian.protocol.trust import STATEMENT_CONTEXT, Statements
from guardian.protocol.v1 import trust_pb2 as trust
from guardian.vault import hpke

home_key = Ed25519PrivateKey.generate()
NOW_MS = 1_795_392_000_000
VALUE = {"what": "start", "event": {"id": "e", "label": "person", "start": "2026-11-28T11:35:38.475Z"}}


def new_device():
    private, public = hpke.generate()
    return Device(os.urandom(16), os.urandom(32), public, os.urandom(32)), bytes(private)


@pytest.fixture
def said():
    return Statements(home_key.public_key().public_bytes_raw())


def state(said, body):
    said.accept(trust.Signed(body=body, signature=home_key.sign(STATEMENT_CONTEXT + body)))


def test_each_device_gets_its_own_and_one_that_is_out_gets_nothing(said):
    (first, first_private), (second, second_private) = new_device(), new_device()
    secrets = {one.subject.hex(): one.secret for one in (first, second)}
    assert devices.told(said, VALUE, "Gate", secrets, NOW_MS) == []
    for one in (first, second):
        state(said, devices.adding(said, one, NOW_MS))
    pushes = {one.member: one.sealed for one in devices.told(said, VALUE, "Gate", secrets, NOW_MS)}
    expected = {"what": "start", "event": "e", "camera": "Gate", "label": "person", "start": "2026-11-28T11:35:38.475Z"}
    assert open_push(pushes[first.subject], first.subject, first_private, first.secret) == expected
    assert open_push(pushes[second.subject], second.subject, second_private, second.secret) == expected
    state(said, devices.removing(said, first.subject, NOW_MS))
    assert [one.member for one in devices.told(said, VALUE, "Gate", secrets, NOW_MS)] == [second.subject]
    names = {second.subject.hex(): "Phone"}
    assert [(one.id, one.name) for one in devices.listed(said, names, NOW_MS)] == [(second.subject.hex(), "Phone")]


def test_what_is_refused(said):
    one, _ = new_device()
    with pytest.raises(BadRequest, match="guardian-device"):
        devices.device_of("hello")
    assert devices.device_of(f" {device_text(one)}\n") == one
    state(said, devices.adding(said, one, NOW_MS))
    with pytest.raises(Conflict, match="already"):
        devices.adding(said, one, NOW_MS)
    with pytest.raises(NotFound):
        devices.removing(said, b"n" * 16, NOW_MS)
    for _ in range(devices.MOST - 1):
        state(said, devices.adding(said, new_device()[0], NOW_MS))
    with pytest.raises(Conflict, match="16 devices"):
        devices.adding(said, new_device()[0], NOW_MS)
