"""Joining a relay: the home signs only while the vault is open, only after the owner's yes, only once."""

import pytest

from guardian.model.errors import BadSetting, Conflict, ServiceUnavailable, VaultLocked
from guardian.model.relay import RelayState, RelayStatus
from guardian.services.relay import RelayService


class Home:
    public_key = b"h" * 32

    def __init__(self):
        self.signed = []

    def sign_statement(self, body):
        self.signed.append(body)
        return b"s" * 64


class Link:
    def __init__(self):
        self.state, self.problem = RelayState.NONE, ""

    def status(self):
        return RelayStatus(self.state, problem=self.problem, cure="Do it." if self.problem else "")

    async def join(self, invitation, home):
        assert home == Home.public_key
        self.state = RelayState.PAIRING
        return "123 456"

    async def confirm(self, sign):
        sign(b"edge")
        sign(b"relay")
        self.state = RelayState.CONNECTED

    async def rotate(self):
        pass

    async def leave(self):
        self.state = RelayState.NONE


async def test_nothing_is_signed_before_the_owner_says_so():
    home = Home()
    service = RelayService(Link(), home, lambda: True)
    with pytest.raises(Conflict):
        await service.confirm()
    assert (await service.join("invitation")).state is RelayState.PAIRING
    assert home.signed == []
    assert (await service.confirm()).state is RelayState.CONNECTED
    assert home.signed == [b"edge", b"relay"]
    assert (await service.rotate()).state is RelayState.CONNECTED
    assert (await service.leave()).state is RelayState.NONE


async def test_what_lacks_is_said():
    with pytest.raises(BadSetting, match="no plugin"):
        await RelayService(None, Home(), lambda: True).join("x")
    with pytest.raises(ServiceUnavailable, match="home's key"):
        await RelayService(Link(), None, lambda: True).join("x")
    with pytest.raises(VaultLocked):
        await RelayService(Link(), Home(), lambda: False).join("x")
    assert RelayService(None, None, lambda: False).status().state is RelayState.ABSENT


def test_the_system_page_hears_of_trouble_only():
    link = Link()
    service = RelayService(link, Home(), lambda: True)
    assert service.findings() == ()
    link.state, link.problem = RelayState.BLOCKED, "no /dev/net/tun"
    assert service.findings()[0].message.endswith("no /dev/net/tun")
