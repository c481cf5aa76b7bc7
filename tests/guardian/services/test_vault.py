"""The vault's lock."""

import asyncio
from pathlib import Path

import pytest

from guardian.model.errors import BadRequest, MistypedCode, TooManyRequests, WrongPassphrase
from guardian.services.vault import TRIES, VaultService
from guardian.vault.keyring import Keyring
from guardian.vault.recovery_code import generate_code
from tests.support.recorded import OwnClock


class Ring:
    """A keyring whose passphrase is `right`."""

    epoch, public_key = 3, b""
    unlocked, recovery_created_us = False, None

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


async def test_a_machine_that_slept_is_locked_soon_after_it_wakes() -> None:
    """No timer ran on meanwhile: whoever took it away asleep must not find it open."""
    clock = OwnClock()
    service, ring = make(clock, minutes=30)
    await service.unlock("right")
    assert service._timer is not None
    assert service._timer.when() - asyncio.get_running_loop().time() < 10
    clock.slept_s += 1799
    service._watch()
    assert ring.unlocked
    clock.slept_s += 2
    service._watch()
    assert not ring.unlocked


async def test_without_the_setting_it_stays_open() -> None:
    service, ring = make(OwnClock())
    await service.unlock("right")
    assert service._timer is None
    assert ring.unlocked


# a keyring that is one


PASSPHRASE, OTHER = "correct horse battery staple", "another passphrase"


def real(tmp_path: Path, clock: OwnClock, minutes: float | None = None) -> VaultService:
    if not Keyring.exists(tmp_path / "vault"):
        Keyring.create(tmp_path / "vault", PASSPHRASE, now_us=0).lock()
    return VaultService(Keyring.load(tmp_path / "vault"), clock, minutes, data_dir=tmp_path)


async def test_a_restart_does_not_make_guessing_free_again(tmp_path: Path) -> None:
    clock = OwnClock()
    service = real(tmp_path, clock)
    for _ in range(6):
        clock.forward(1000)
        with pytest.raises(WrongPassphrase):
            await service.unlock("wrong")
    assert service.status().throttled_s == pytest.approx(4.0)
    again = real(tmp_path, clock)
    assert again.status().throttled_s == pytest.approx(4.0), "the wait begins anew: no restart shortens it"
    with pytest.raises(TooManyRequests):
        await again.unlock(PASSPHRASE)
    clock.forward(5)
    with pytest.raises(WrongPassphrase):
        await again.unlock("wrong")
    assert real(tmp_path, clock).status().throttled_s == pytest.approx(8.0)
    clock.forward(9)
    third = real(tmp_path, clock)
    clock.forward(9)
    await third.unlock(PASSPHRASE)
    assert real(tmp_path, clock).status().throttled_s == 0
    assert not (tmp_path / "vault" / TRIES).exists()


async def test_a_try_is_counted_before_it_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service = real(tmp_path, OwnClock())
    seen: list[str] = []

    def killed(_: Keyring, __: str) -> None:
        seen.append((tmp_path / "vault" / TRIES).read_text())
        raise SystemExit

    monkeypatch.setattr(Keyring, "unlock", killed)
    with pytest.raises(SystemExit):
        await service.unlock("wrong")
    assert seen == ['{"wrong": 1}']


@pytest.mark.parametrize("text", ["", "{", "[]", '{"wrong": -4}', '{"wrong": "many"}'])
async def test_a_count_that_was_spoilt_does_no_harm(tmp_path: Path, text: str) -> None:
    real(tmp_path, OwnClock())
    (tmp_path / "vault" / TRIES).write_text(text)
    service = real(tmp_path, OwnClock())
    await service.unlock(PASSPHRASE)
    assert service.status().unlocked


async def test_recovery_codes_and_every_change_are_slowed_alike(tmp_path: Path) -> None:
    clock = OwnClock()
    service = real(tmp_path, clock)
    code = await service.new_recovery_code(PASSPHRASE)
    wrong = generate_code()
    for guess in (
        lambda: service.recover(wrong, OTHER),
        lambda: service.change_passphrase("wrong", OTHER),
        lambda: service.rotate("wrong"),
        lambda: service.new_recovery_code("wrong"),
        lambda: service.verify(code=wrong),
    ):
        with pytest.raises(WrongPassphrase):
            await guess()
    for attempt in (
        lambda: service.recover(code, OTHER),
        lambda: service.change_passphrase(PASSPHRASE, OTHER),
        lambda: service.rotate(PASSPHRASE),
        lambda: service.new_recovery_code(PASSPHRASE),
        lambda: service.verify(PASSPHRASE),
        lambda: service.unlock(PASSPHRASE),
    ):
        with pytest.raises(TooManyRequests):
            await attempt()


async def test_a_slip_or_a_short_passphrase_is_no_guess(tmp_path: Path) -> None:
    service = real(tmp_path, OwnClock())
    code = await service.new_recovery_code(PASSPHRASE)
    slip = ("2" if code[0] != "2" else "3") + code[1:]
    for _ in range(7):
        with pytest.raises(MistypedCode):
            await service.recover(slip, OTHER)
        with pytest.raises(BadRequest):
            await service.change_passphrase(PASSPHRASE, "short")
    assert service.status().throttled_s == 0
    await service.recover(code, OTHER)
    assert service.status().unlocked


async def test_a_rotation_is_told_to_those_who_seal_and_leaves_the_lock_as_it_is(tmp_path: Path) -> None:
    service = real(tmp_path, OwnClock())
    told: list[tuple[bytes, int]] = []
    service.observe_keys(lambda public, epoch: told.append((public, epoch)))
    assert await service.rotate(PASSPHRASE) == 2
    assert not service.status().unlocked
    assert told == [(Keyring.load(tmp_path / "vault").public_key, 2)]
    with pytest.raises(WrongPassphrase):
        await service.rotate("wrong")
    assert len(told) == 1


async def test_verifying_opens_everything_and_leaves_the_vault_locked(tmp_path: Path) -> None:
    service = real(tmp_path, OwnClock())
    code = await service.new_recovery_code(PASSPHRASE)
    await service.rotate(PASSPHRASE)
    for found in (await service.verify(PASSPHRASE), await service.verify(code=code)):
        assert [(one.number, one.opened, one.faults) for one in found] == [(1, 0, ()), (2, 0, ())]
    assert not service.status().unlocked
    for both in ({}, {"passphrase": PASSPHRASE, "code": code}):
        with pytest.raises(BadRequest):
            await service.verify(**both)


async def test_what_plays_all_night_does_not_keep_it_open_for_ever() -> None:
    clock = OwnClock()
    service, ring = make(clock, minutes=30)
    await service.unlock("right")
    for _ in range(8 * 60 - 1):
        clock.forward(60)
        service.touch()
        service._watch()
    assert ring.unlocked
    clock.forward(61)
    service.touch()
    service._watch()
    assert not ring.unlocked
    service.close()
