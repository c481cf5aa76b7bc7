"""Proof that keys open footage: of each epoch a few sealed files are opened, first and last record."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from guardian.model.errors import Damaged
from guardian.model.ids import is_uuid7
from guardian.model.views import EpochCheck
from guardian.vault.keyring import Keyring
from guardian.vault.reader import SegmentReader

FILES = 8  # of each epoch
_PLACES = (("segments", "*.pgs"), ("pictures", "*.pgp"), ("exports", "*.pgx"))


def check_epochs(keyring: Keyring, data_dir: Path, files: int = FILES) -> tuple[EpochCheck, ...]:
    """Open the oldest, the newest and some other files of each epoch with an unlocked keyring. Blocking: some seconds."""
    opened: dict[int, int] = defaultdict(int)
    faults: dict[int, list[str]] = defaultdict(list)
    for number, path in _chosen(keyring, data_dir, files):
        try:
            opened[_open(path, keyring)] += 1
        except FileNotFoundError:
            continue  # it was deleted meanwhile
        except (Damaged, OSError) as error:
            faults[number].append(f"{path.relative_to(data_dir)}: {error}")
    return tuple(
        EpochCheck(epoch.number, epoch.created_us, opened[epoch.number], tuple(faults[epoch.number]))
        for epoch in keyring.epochs
    )


def _chosen(keyring: Keyring, data_dir: Path, files: int) -> Iterator[tuple[int, Path]]:
    """Yield files by the time in their names, from which their epoch is guessed; their headers say which it is."""
    begins = [epoch.created_us // 1000 for epoch in keyring.epochs][1:]
    found: dict[int, list[tuple[int, Path]]] = defaultdict(list)
    for folder, pattern in _PLACES:
        for path in (data_dir / folder).rglob(pattern):
            if is_uuid7(path.stem):
                made_ms = int(path.stem.replace("-", "")[:12], 16)
                found[sum(made_ms >= begin for begin in begins)].append((made_ms, path))
    for at, epoch in enumerate(keyring.epochs):
        dated = sorted(found[at])
        some = [*dated[:1], *dated[-1:], *secrets.SystemRandom().sample(dated, min(files, len(dated)))]
        for _, path in list(dict.fromkeys(some))[:files]:
            yield epoch.number, path


def _open(path: Path, keyring: Keyring) -> int:
    """Return the epoch that a file is sealed to; Damaged."""
    with SegmentReader(path, keyring) as reader:
        for index in {0, len(reader.table) - 1} if reader.table else ():
            reader.read(index)
        return reader.epoch
