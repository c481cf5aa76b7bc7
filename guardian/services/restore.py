"""Makes a data folder from a backup: all of it is opened and compared before anything of the folder changes, then it is renamed."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guardian.index.engine import INDEX_NAME, open_index
from guardian.index.snapshot import check_snapshot
from guardian.model.errors import Conflict, Damaged, NotFound, ResourceGone
from guardian.model.time import from_rfc3339
from guardian.platform.files import make_private_dir, replace_file, sync_dir
from guardian.platform.lock import LOCK_NAME, exclusive
from guardian.services.backup import FORMAT, MANIFEST, VAULT, Member, is_ours
from guardian.vault.backup_file import OpenedStream, check_kind, split
from guardian.vault.keyring import Keyring
from guardian.vault.reader import SegmentReader
from guardian.vault.vault_file import parse_vault

_CHUNK = 1024 * 1024
_STAGING = ".restore"
_OF_NO_ACCOUNT = (LOCK_NAME, "lost+found", _STAGING)  # a folder with nothing else is empty
_MAX_MANIFEST = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored. `before`: where the old data folder went, if there was one."""

    created: str
    version: str
    members: int
    before: Path | None


def restore(file: Path, data: Path, unlock: Callable[[Keyring], None], *, force: bool = False) -> Restored:
    """Make the data folder from a backup. `unlock` opens the backup's vault with a secret that only its caller knows.

    Conflict where the folder holds something, unless `force`: then it is kept beside, as `NAME.before-restore-1`.
    """
    if not file.is_file():
        raise NotFound(f"there is no file {file}", field="FILE", cure="Give a file that `guardian backup` wrote.")
    full = _holds_something(data)
    if full and not force:
        raise Conflict(
            f"{data} is not empty", field="--data", cure="Choose another folder, or let --force put what is there beside it."
        )
    try:
        with _staging(data, beside=full) as staging:
            manifest = _unpack(file, staging, unlock)
            asyncio.run(_check_index(staging))
            before = _take_over(staging, data, full)
    except OSError as error:
        raise ResourceGone(
            f"nothing was restored: {error.filename or data}: {error.strerror}",
            cure="See that the file can be read, and that the data folder has room and is yours.",
        ) from error
    return Restored(manifest["created"], manifest["version"], len(manifest["members"]), before)


def _holds_something(data: Path) -> bool:
    return data.is_dir() and any(path.name not in _OF_NO_ACCOUNT for path in data.iterdir())


@contextmanager
def _staging(data: Path, *, beside: bool) -> Iterator[Path]:
    """Have an empty folder on the disk of the data folder: beside it where that one is full, else in it."""
    if not beside:
        make_private_dir(data)
    staging = data.with_name(f".{data.name}{_STAGING}") if beside else data / _STAGING
    shutil.rmtree(staging, ignore_errors=True)  # of one that was killed
    make_private_dir(staging)
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _unpack(file: Path, staging: Path, unlock: Callable[[Keyring], None]) -> dict[str, Any]:
    """Open, verify and write every member; return the manifest. WrongPassphrase, Damaged."""
    sealed = staging / ".sealed"
    vault = split(file, sealed)
    parse_vault(vault)
    make_private_dir(staging / "vault")
    replace_file(staging / VAULT, vault)
    keyring = Keyring.load(staging / "vault")
    unlock(keyring)
    try:
        with SegmentReader(sealed, keyring) as reader:
            check_kind(reader)
            reader.verify()
            with tarfile.open(fileobj=OpenedStream(reader), mode="r|") as tar:
                manifest = _extract(tar, staging, vault)
    except tarfile.TarError as error:
        raise Damaged(f"the backup holds no archive: {error}") from error
    finally:
        keyring.lock()
    sealed.unlink()
    return manifest


def _extract(tar: tarfile.TarFile, staging: Path, vault: bytes) -> dict[str, Any]:
    manifest: dict[str, Any] | None = None
    listed: dict[str, Member] = {}
    for info in tar:
        source = tar.extractfile(info) if info.isreg() else None
        if source is None:
            raise Damaged(f"the backup holds {info.name!r}, which is no file")
        if manifest is None:
            manifest, listed = _manifest(info, source.read(_MAX_MANIFEST))
            continue
        member = listed.pop(info.name, None)
        if member is None or member.size != info.size:
            raise Damaged(f"the backup's list does not have {info.name!r} as it is")
        _write(staging / info.name, source, member)
    if manifest is None or listed:
        raise Damaged("the backup does not hold all that its list says")
    if (staging / VAULT).read_bytes() != vault:
        raise Damaged("the keys in front of the backup are not those in it")
    return manifest


def _manifest(info: tarfile.TarInfo, text: bytes) -> tuple[dict[str, Any], dict[str, Member]]:
    if info.name != MANIFEST:
        raise Damaged("the backup does not begin with its list")
    try:
        value = json.loads(text)
        made_for = value["format"]
        members = [Member(str(one["path"]), int(one["size"]), str(one["sha256"])) for one in value["members"]]
        from_rfc3339(value["created"])
        if not str(value["version"]).isprintable():
            raise ValueError("no version")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Damaged("the backup's list cannot be read") from error
    if made_for != FORMAT:
        raise Damaged("the backup was made by a newer version of Guardian", cure=f"Install version {value['version']}.")
    strange = [one.path for one in members if not is_ours(one.path)]
    if strange or VAULT not in {one.path for one in members} or len({one.path for one in members}) != len(members):
        raise Damaged("the backup's list names what no backup holds", cure="Do not use it: it was not made by Guardian.")
    return value, {one.path: one for one in members}


def _write(path: Path, source: Any, member: Member) -> None:
    make_private_dir(path.parent)
    digest = hashlib.sha256()
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as target:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            target.write(chunk)
        target.flush()
        os.fsync(target.fileno())
    if digest.hexdigest() != member.sha256:
        raise Damaged(f"{member.path} in the backup is damaged", cure="Use another backup.")
    sync_dir(path.parent)


async def _check_index(staging: Path) -> None:
    """Bring the index to this version's form. Damaged where it is none, or of a newer version."""
    if (staging / INDEX_NAME).exists():
        check_snapshot(staging / INDEX_NAME)
        await (await open_index(staging / INDEX_NAME)).close()


def _take_over(staging: Path, data: Path, full: bool) -> Path | None:
    """Put the new folder in the place of the old one."""
    if not full:
        _move_in(staging, data)
        return None
    number = 1
    while (before := data.with_name(f"{data.name}.before-restore-{number}")).exists():
        number += 1
    with exclusive(data):
        data.rename(before)
        try:
            staging.rename(data)
        except OSError:
            before.rename(data)
            raise
    sync_dir(data.parent)
    return before


def _move_in(staging: Path, data: Path) -> None:
    """Move what is whole into the empty folder, which may be a mount point; back again where that fails in the middle.

    The vault comes last: without it nothing starts, so nobody takes half of it for all.
    """
    moved: list[str] = []
    with exclusive(data):
        try:
            for path in sorted(staging.iterdir(), key=lambda path: path.name == "vault"):
                path.rename(data / path.name)
                moved.append(path.name)
        except OSError:
            for name in moved:
                (data / name).rename(staging / name)
            raise
    sync_dir(data)
