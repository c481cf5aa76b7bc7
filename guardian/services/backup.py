"""Writes a backup: settings, accounts, wrapped keys, the index at one moment, what plugins keep; no footage.

It is sealed to the vault's public key as it is written, so the program may run and the vault stay locked. What has to wait on
the disk (the copy of the index) waits in the data folder, where it is anyway.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from guardian import __version__
from guardian.index.engine import INDEX_NAME
from guardian.index.snapshot import snapshot
from guardian.model.errors import Conflict, NotFound, ResourceGone
from guardian.model.ids import uuid7
from guardian.model.segment import ContentKind, SegmentHeader
from guardian.model.time import to_rfc3339
from guardian.platform.files import PRIVATE_FILE, sync_dir
from guardian.vault.backup_file import SealingStream
from guardian.vault.sealer import VaultSealer
from guardian.vault.vault_file import FILE, parse_vault, read_vault

FORMAT = 1
MANIFEST = "manifest.json"
VAULT = f"vault/{FILE}"
ALONE = ("config.toml", "holds.json")  # files beside the index
FOLDERS = ("vault", "plugins")
CACHE_MARK = "CACHEDIR.TAG"  # bford.info/cachedir: what lies below its folder can be made again
NOT_KEPT = ("vault/tries.json", f"vault/{FILE}.bak")  # wrong guesses; a copy of what is there
MOST_BYTES = 64 * 1024 * 1024  # what a plugin keeps in one file beyond this is no settings
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a backup; `path` is relative to the data folder."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What went in. `left_out`: files that are too large for a backup, or could not be read."""

    members: tuple[Member, ...]
    left_out: tuple[str, ...]
    size_bytes: int


def back_up(data: Path, file: Path, now_us: int, *, force: bool = False) -> BackedUp:
    """Write a backup of a data folder to a new file; one that is there is replaced with `force`. Blocks. GuardianError."""
    if not data.is_dir():
        raise NotFound(f"there is no folder {data}", cure="Pass the data folder with --data.")
    if file.exists() and not force:
        raise Conflict(f"{file} is there already", field="FILE", cure="Choose another name, or replace it with --force.")
    read_vault(data / "vault")  # its error says what to do where there is none
    copy = data / f".{INDEX_NAME}.{os.getpid()}.new"
    new = file.with_name(f".{file.name}.{os.getpid()}.new")
    try:
        if (data / INDEX_NAME).exists():
            snapshot(data / INDEX_NAME, copy)
        done = _write(data, copy, new, now_us)
        new.replace(file)
        sync_dir(file.parent)
    except OSError as error:
        raise ResourceGone(
            f"the backup could not be written: {error.strerror}: {error.filename or file}",
            cure="See that the folder is there, has room and can be written to.",
        ) from error
    finally:
        for path in (copy, copy.with_name(f"{copy.name}-journal"), new):
            with suppress(OSError):
                path.unlink(missing_ok=True)
    return done


def _write(data: Path, copy: Path, new: Path, now_us: int) -> BackedUp:
    contents, left_out = _contents(data)
    members = [Member(path, len(content), hashlib.sha256(content).hexdigest()) for path, content in contents.items()]
    if copy.exists():
        members.append(_member(INDEX_NAME, copy))
    vault = contents[VAULT]
    newest = parse_vault(vault).epochs[-1]
    name = uuid7(now_us // 1000, os.urandom(10))
    header = SegmentHeader(name, name, "", "", ContentKind.BACKUP, now_us, 0, 0)
    with _created(new) as out:
        stream = SealingStream(out, vault, VaultSealer(newest.public, newest.number), header)
        with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar:
            _add(tar, MANIFEST, io.BytesIO(_manifest(members, now_us)), now_us)
            for path, content in contents.items():
                _add(tar, path, io.BytesIO(content), now_us)
            if copy.exists():
                with copy.open("rb") as index:
                    _add(tar, INDEX_NAME, index, now_us)
        stream.finish()
        out.flush()
        os.fsync(out.fileno())
        size = out.tell()
    return BackedUp(tuple(members), tuple(left_out), size)


def _contents(data: Path) -> tuple[dict[str, bytes], list[str]]:
    """Read the small files, by path."""
    found: dict[str, bytes] = {}
    left_out: list[str] = []
    for path in _paths(data):
        name = path.relative_to(data).as_posix()
        try:
            if path.stat().st_size <= MOST_BYTES:
                found[name] = path.read_bytes()
            else:
                left_out.append(name)
        except FileNotFoundError:
            continue  # a plugin deleted it meanwhile
        except OSError:
            if not name.startswith("plugins/"):
                raise
            left_out.append(name)
    return found, left_out


def _paths(data: Path) -> Iterator[Path]:
    yield from (data / name for name in ALONE if (data / name).is_file())
    for folder in FOLDERS:
        for path in sorted((data / folder).rglob("*")):
            name = path.relative_to(data).as_posix()
            temporary = path.name.startswith(".") and path.suffix == ".new"
            temporary = temporary or any((one / CACHE_MARK).exists() for one in path.parents if one.is_relative_to(data))
            if path.is_file() and not path.is_symlink() and not temporary and name not in NOT_KEPT:
                yield path


def _member(name: str, path: Path) -> Member:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Member(name, path.stat().st_size, digest)


def _manifest(members: list[Member], now_us: int) -> bytes:
    listed = [{"path": one.path, "size": one.size, "sha256": one.sha256} for one in members]
    value = {"format": FORMAT, "version": __version__, "created": to_rfc3339(now_us), "members": listed}
    return json.dumps(value, indent=1).encode() + b"\n"


def _created(path: Path) -> BinaryIO:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE_FILE)
    return os.fdopen(fd, "wb", buffering=_CHUNK)


def _add(tar: tarfile.TarFile, name: str, file: BinaryIO, now_us: int) -> None:
    info = tarfile.TarInfo(name)
    info.size = file.seek(0, os.SEEK_END)
    file.seek(0)
    info.mode, info.mtime = PRIVATE_FILE, now_us // 1_000_000
    tar.addfile(info, file)


def is_ours(path: str) -> bool:
    """Whether a backup may hold a file of this path; anything else is refused, so that it cannot write elsewhere."""
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\0" in path:
        return False
    return path in (*ALONE, INDEX_NAME) or (len(parts) > 1 and parts[0] in FOLDERS)
