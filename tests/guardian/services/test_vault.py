"""The vault's lock."""

import asyncio

import pytest

from guardian.model.errors import TooManyRequests, WrongPassphrase
from guardian.services.vault import VaultService
from tests.support.recorded import OwnClock


class Ring:
    """A keyring whose passphrase is `right`."""

    epoch, public_key = 3, b""
    unlocked = False

    def unlock(self, passphrase: str) -> None:
        if passphrase != "right":
            raise WrongPassphrase("no")
        self.unlocked = True

    def lock(self) -> None:
        self.unlocked = False


def make(clock: OwnClock, minutes: float | None = None) -> tuple[VaultService, Ring]:
    ring = Ring()
    return VaultService(ring, clock, minutes), ring  # type: ignore[arg-type]


async def test_unlock_and_lock_are_told() -> None:
    service, ring = make(OwnClock())
    heard: list[bool] = []
    service.observe(heard.append)
    assert (service.status().exists, service.status().unlocked, service.status().epoch) == (True, False, 3)
    await service.unlock("right")
    assert service.status().unlocked
    await service.lock()
    await service.lock()
    assert (ring.unlocked, heard) == (False, [True, False])


async def test_guessing_is_slowed() -> None:
    clock = OwnClock()
    service, ring = make(clock)
    for _ in range(5):
        with pytest.raises(WrongPassphrase):
            await service.unlock("wrong")
    with pytest.raises(TooManyRequests):
        await service.unlock("right")
    assert service.status().throttled_s == pytest.approx(2.0)
    clock.forward(2.1)
    await service.unlock("right")
    assert ring.unlocked
    assert service.status().throttled_s == 0


async def test_a_huge_passphrase_is_not_hashed() -> None:
    service, ring = make(OwnClock())
    with pytest.raises(WrongPassphrase):
        await service.unlock("x" * 100_000)
    assert not ring.unlocked


async def test_it_locks_by_itself_when_not_used() -> None:
    clock = OwnClock()
    service, ring = make(clock, minutes=0.02 / 60)
    await service.unlock("right")
    clock.forward(0.015)
    service.touch()
    clock.forward(0.015)
    service._watch()
    assert ring.unlocked, "it was used"
    clock.forward(0.1)
    for _ in range(200):
        if not ring.unlocked:
            break
        await asyncio.sleep(0.005)
    assert not ring.unlocked


async def test_without_the_setting_it_stays_open() -> None:
    service, ring = make(OwnClock())
    await service.unlock("right")
    assert service._timer is None
    assert ring.unlocked
