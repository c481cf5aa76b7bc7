"""Fetches a published model: every byte is checked against the catalogue's SHA-256 before the file gets its name."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from guardian.detect.card import Card, ModelFile
from guardian.model.errors import Damaged, ServiceUnavailable
from guardian.platform.files import PRIVATE_FILE, make_private_dir, sync_dir

TIMEOUT_S = 30.0
CHUNK = 256 * 1024


def fetch(card: Card, folder: Path, progress: Callable[[int, int], None]) -> tuple[Path, ...]:
    """Fetch a model's files into a folder; `progress(bytes so far, bytes in all)`. Files that are there and right stay."""
    make_private_dir(folder)
    total = sum(file.size_bytes for file in card.files)
    done = 0
    paths = []
    for file in card.files:
        path = folder / file.name
        if not (path.is_file() and _sha256(path) == file.sha256):
            _fetch_one(file, path, lambda got, before=done: progress(before + got, total))  # type: ignore[misc]
        done += file.size_bytes
        progress(done, total)
        paths.append(path)
    return tuple(paths)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch_one(file: ModelFile, path: Path, progress: Callable[[int], None]) -> None:
    part = path.with_name(path.name + ".part")
    try:
        _download(file, part, progress)
        part.replace(path)
        sync_dir(path.parent)
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise ServiceUnavailable(
            f"{file.url} could not be fetched: {reason}", cure="Check the network, then pull again."
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _download(file: ModelFile, part: Path, progress: Callable[[int], None]) -> None:
    digest, got = hashlib.sha256(), 0
    request = urllib.request.Request(file.url, headers={"User-Agent": "private-ai-guardian"})  # noqa: S310 - URLs of our own catalogue
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    with os.fdopen(fd, "wb") as out, urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
        while chunk := answer.read(CHUNK):
            got += len(chunk)
            if got > file.size_bytes:
                break
            digest.update(chunk)
            out.write(chunk)
            progress(got)
        out.flush()
        os.fsync(fd)
    if got != file.size_bytes or digest.hexdigest() != file.sha256:
        raise Damaged(
            f"{file.name} from {file.url} is not the published file (its checksum differs); it was thrown away",
            cure="Pull again later; if it stays so, the file behind the address was changed: do not use it.",
        )
