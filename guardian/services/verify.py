"""Checks evidence without any vault: that what its key signed is there, whole, and nothing else. Takes nothing on trust."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from guardian.model.errors import BadRequest, NotFound
from guardian.services.evidence import CONTEXT, MANIFEST, README, SIGNATURE, fingerprint

MAX_MANIFEST = 256 * 1024 * 1024  # a day of a hundred cameras
MAX_ENTRIES = 1000
MAX_README = 64 * 1024
PIECE = 1024 * 1024
_LOCAL = struct.Struct("<4s2xHH8xLLHH")  # a file's own header: magic, flags, method, sizes, lengths of name and extra
_ZIP64_SIZES, _ELSEWHERE, _SIZES_BEHIND = struct.pack("<HH", 1, 16), 0xFFFFFFFF, 8
Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0, le=1 << 62, strict=True)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)


class _Piece(_Part):
    offset: Count
    length: Annotated[int, Field(ge=1, le=1 << 40, strict=True)]
    sha256: Hash


class _Fragment(_Piece):
    start: str
    duration_90k: Count


class _Video(_Part):
    name: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,64}\.mp4$")]
    camera: str
    title: str
    size: Count
    sha256: Hash
    init: _Piece
    fragments: list[_Fragment]
    gaps: list[dict[str, str]]


class _Manifest(_Part):
    format: Literal["guardian-evidence"]
    version: Literal[1]
    created: str
    asked: dict[str, str]
    public_key: str
    readme_sha256: Hash
    files: list[_Video]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found. `faults` is empty where everything is as it was signed. `key`: fingerprint of the key that signed, or
    of the one that claims to have. `known`: it is the key that was asked for; None where none was.
    """

    faults: tuple[str, ...]
    key: str = ""
    known: bool | None = None
    created: str = ""
    start: str = ""
    end: str = ""
    videos: tuple[tuple[str, str, int, int], ...] = ()  # name, camera's title, bytes, pieces
    gaps: int = 0

    @property
    def whole(self) -> bool:
        """Nothing differs, and the key is not another than was asked for."""
        return not self.faults and self.known is not False


def key_of(text: str) -> str:
    """Return a fingerprint as it is compared: of its own text, of a file that holds it, or of a vault's evidence.json."""
    path = Path(text)
    if not text.replace("-", "").isalnum() or path.is_file():
        text = _key_in(path)
    plain = text.strip().lower().replace("-", "").replace(" ", "")
    if len(plain) != 32 or any(letter not in "0123456789abcdef" for letter in plain):
        raise BadRequest("a key is 32 hexadecimal digits", field="--key", cure="It stands in `guardian vault status`.")
    return "-".join(plain[at : at + 4] for at in range(0, 32, 4))


def _key_in(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotFound(
            f"{path} cannot be read", field="--key", cure="Give a fingerprint, or a file that holds one."
        ) from error
    try:
        return fingerprint(base64.b64decode(json.loads(text)["public_key"], validate=True))
    except (ValueError, KeyError, TypeError):
        return text


def verify(path: Path, key: str = "") -> Verdict:
    """Check a file. `key`: fingerprint that it must be signed with. NotFound where there is no file. Blocking."""
    if not path.is_file():
        raise NotFound(f"there is no file {path}", field="FILE")
    try:
        with zipfile.ZipFile(path) as archive:
            return _verify(archive, key)
    except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError, RuntimeError, ValueError) as error:
        return Verdict((f"it is no evidence, or damaged: {error}",))


def _verify(archive: zipfile.ZipFile, key: str) -> Verdict:
    entries = archive.infolist()
    names = [one.filename for one in entries]
    if len(entries) > MAX_ENTRIES or len(set(names)) != len(names):
        return Verdict(("the archive has too many files, or two of one name",))
    if any(one.compress_type != zipfile.ZIP_STORED or one.file_size != one.compress_size for one in entries):
        return Verdict(("the archive has compressed files, which evidence never has",))
    if not _laid_out(archive, entries):
        return Verdict(
            ("the archive holds bytes that are in none of its files: another program may find other files there",)
        )
    if missing := [name for name in (MANIFEST, SIGNATURE) if name not in names]:
        return Verdict(tuple(f"{name} is missing" for name in missing))
    if archive.getinfo(MANIFEST).file_size > MAX_MANIFEST or archive.getinfo(SIGNATURE).file_size != 64:
        return Verdict(("the manifest or its signature has an impossible size",))
    data, signature = archive.read(MANIFEST), archive.read(SIGNATURE)
    try:
        manifest = _Manifest.model_validate_json(data)
        public = base64.b64decode(manifest.public_key, validate=True)
        Ed25519PublicKey.from_public_bytes(public).verify(signature, CONTEXT + data)
    except InvalidSignature:
        return Verdict((f"{MANIFEST} was changed after it was signed, or not signed by its key",))
    except (ValidationError, ValueError) as error:
        what = f"{error.error_count()} fields" if isinstance(error, ValidationError) else str(error)
        return Verdict((f"{MANIFEST} cannot be read: {what}",))
    return _verdict(archive, manifest, fingerprint(public), key)


def _verdict(archive: zipfile.ZipFile, manifest: _Manifest, signer: str, key: str) -> Verdict:
    known = None if not key else signer == key
    faults = [*_readme(archive, manifest), *(fault for video in manifest.files for fault in _video(archive, video))]
    expected = {MANIFEST, SIGNATURE, README, *(video.name for video in manifest.files)}
    faults += [f"{name} is not what was signed: it was added" for name in archive.namelist() if name not in expected]
    if len({video.name for video in manifest.files}) != len(manifest.files):
        faults.append("the manifest names a file twice")
    if known is False:
        faults.append(f"it is signed by another key: {signer}")
    return Verdict(
        tuple(faults),
        signer,
        known,
        manifest.created,
        manifest.asked.get("start", ""),
        manifest.asked.get("end", ""),
        tuple((one.name, one.title, one.size, len(one.fragments)) for one in manifest.files),
        sum(len(one.gaps) for one in manifest.files),
    )


def _laid_out(archive: zipfile.ZipFile, entries: Sequence[zipfile.ZipInfo]) -> bool:
    """Say whether the files follow one another from the first byte to the directory, and the directory ends the archive.

    Some programs go by the directory, as this one does, and some by the headers before each file: all must find the same.
    """
    file, at = archive.fp, 0
    assert file is not None
    for one in sorted(entries, key=lambda one: one.header_offset):
        file.seek(at)
        head = file.read(_LOCAL.size)
        if one.header_offset != at or len(head) < _LOCAL.size:
            return False
        magic, flags, method, packed, size, name_bytes, extra_bytes = _LOCAL.unpack(head)
        extra = file.read(name_bytes + extra_bytes)[name_bytes:]
        if extra[:4] == _ZIP64_SIZES and len(extra) >= 20 and packed == size == _ELSEWHERE:
            size, packed = struct.unpack_from("<QQ", extra, 4)
        if (
            magic != b"PK\3\4"
            or flags & _SIZES_BEHIND
            or method != zipfile.ZIP_STORED
            or not packed == size == one.file_size
        ):
            return False
        at += _LOCAL.size + name_bytes + extra_bytes + one.file_size
    return at == archive.start_dir and not archive.comment


def _readme(archive: zipfile.ZipFile, manifest: _Manifest) -> Iterator[str]:
    """It tells people which key to trust: it must be the one that was signed."""
    try:
        size = archive.getinfo(README).file_size
    except KeyError:
        yield f"{README} is missing"
        return
    if size > MAX_README or hashlib.sha256(archive.read(README)).hexdigest() != manifest.readme_sha256:
        yield f"{README} is not what was signed"


def _video(archive: zipfile.ZipFile, video: _Video) -> Iterator[str]:
    try:
        size = archive.getinfo(video.name).file_size
    except KeyError:
        yield f"{video.name} is missing"
        return
    if size != video.size:
        yield f"{video.name} has {size} bytes, {video.size} were signed"
        return
    at, whole, changed = 0, hashlib.sha256(), False
    with archive.open(video.name) as file:
        file._expected_crc = None  # type: ignore[attr-defined]  # our own hashes say where it differs
        for number, piece in enumerate((video.init, *video.fragments)):
            if piece.offset != at or at + piece.length > size:
                yield f"{video.name}: the pieces of the manifest do not follow each other at byte {at}"
                return
            digest = hashlib.sha256()
            for chunk in _chunks(file, piece.length):
                digest.update(chunk)
                whole.update(chunk)
            at += piece.length
            if digest.hexdigest() != piece.sha256:
                changed = True
                when = f" of {piece.start}" if isinstance(piece, _Fragment) else ""
                yield f"{video.name}: piece {number}{when}, bytes {piece.offset} to {at}, was changed"
    if at != size:
        yield f"{video.name} has {size - at} bytes that no piece of the manifest covers"
    elif whole.hexdigest() != video.sha256 and not changed:
        yield f"{video.name} is not what was signed"


def _chunks(file: IO[bytes], size: int) -> Iterator[bytes]:
    while size:
        chunk = file.read(min(PIECE, size))
        if not chunk:
            return
        size -= len(chunk)
        yield chunk
