"""Verifying: of each epoch some files are opened."""

import os
from pathlib import Path

import pytest

from guardian.model.ids import uuid7
from guardian.model.segment import ContentKind, SegmentHeader
from guardian.vault.keyring import Keyring
from guardian.vault.sample import check_epochs
from guardian.vault.sealer import VaultSealer, seal_whole

PASSPHRASE = "correct horse battery staple"
T0 = 1_795_392_000_000_000


def put(data: Path, ring: Keyring, at_s: int, place: str = "segments/front/main/2026-11-23", end: str = "pgs") -> Path:
    name = uuid7(T0 // 1000 + at_s * 1000, os.urandom(10))
    header = SegmentHeader(
        segment_id=name,
        run_id=name,
        camera="front",
        stream="main",
        kind=ContentKind.VIDEO,
        start_utc_us=T0 + at_s * 1_000_000,
        start_mono_us=0,
        start_90k=0,
    )
    path = data / place / f"{name}.{end}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(seal_whole(VaultSealer(ring.public_key, ring.epoch), header, b"what was seen"))
    return path


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    """Two epochs: 20 files of the first, 3 of the second."""
    ring = Keyring.create(tmp_path / "vault", PASSPHRASE, now_us=T0)
    for at_s in range(18):
        put(tmp_path, ring, at_s)
    put(tmp_path, ring, 18, "pictures/front/2026-11-23", "pgp")
    put(tmp_path, ring, 19, "exports", "pgx")
    ring.rotate(PASSPHRASE, now_us=T0 + 20_000_000)
    for at_s in range(20, 23):
        put(tmp_path, ring, at_s)
    return ring


def test_some_files_of_each_epoch_open(ring, tmp_path):
    assert [(one.number, one.opened, one.faults) for one in check_epochs(ring, tmp_path)] == [(1, 8, ()), (2, 3, ())]
    assert [one.opened for one in check_epochs(ring, tmp_path, files=100)] == [20, 3]


def test_what_does_not_open_is_named(ring, tmp_path):
    for path in (tmp_path / "segments").rglob("*.pgs"):
        data = bytearray(path.read_bytes())
        data[900] ^= 1
        path.write_bytes(data)
    first, second = check_epochs(ring, tmp_path)
    assert (second.opened, len(second.faults)) == (0, 3)
    assert first.faults[0].startswith("segments/front/main/2026-11-23/")
    assert "does not open" in first.faults[0]


def test_a_file_of_another_vault_is_a_fault(ring, tmp_path):
    other = Keyring.create(tmp_path / "other", PASSPHRASE, now_us=T0)
    path = put(tmp_path, other, 30)
    assert check_epochs(ring, tmp_path)[1].faults[0].startswith(str(path.relative_to(tmp_path)))


def test_a_vault_without_footage_is_whole(tmp_path):
    ring = Keyring.create(tmp_path / "vault", PASSPHRASE, now_us=T0)
    assert [(one.opened, one.faults) for one in check_epochs(ring, tmp_path)] == [(0, ())]
