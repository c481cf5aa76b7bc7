"""Who else looks from afar: each with a viewing key and a passphrase of their own, by which the vault's keys open for them until
they are taken out.

`vault/viewers/ID.json` is in the clear, as `viewing.json` is. Home keeps of a viewer a public key, which their passphrase leads to:
at each rotation the new epoch is sealed to it without them. Who was taken out before has nothing that opens it. Each row
has a tag under its own epoch's private key, so that who can write to the data folder, and has no key of the vault, cannot have the next
epoch sealed to a key of theirs; nor can who was taken out, from the rotation on, by putting the file back.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from guardian.model.errors import BadRequest, Damaged, ResourceGone
from guardian.platform.files import make_private_dir, replace_file
from guardian.vault import hpke
from guardian.vault.epochs import CHECK_BYTES, NONCE_BYTES, Epoch, check_of
from guardian.vault.fields import b64, kdf_of, kdf_value, number, unb64
from guardian.vault.format import TAG_BYTES
from guardian.vault.passphrase import SALT_BYTES, Argon2Parameters, check_passphrase, derive_kek, wipe
from guardian.vault.viewing import TIME_BITS, ViewingKey, key_of, values_of

FOLDER = "viewers"
MOST, MOST_NAME, MOST_FILE = 32, 40, 4 * 1024 * 1024  # a row has 3.7 KB
_KEY = b"private-ai-guardian vault v1 viewer\x00"
_EPOCH = b"private-ai-guardian vault v1 viewer epoch\x00"
_TAG = b"private-ai-guardian vault v1 viewer tag\x00"
_SEALED_BYTES = hpke.ENCAPSULATION + hpke.PRIVATE_BYTES + TAG_BYTES
_ID = re.compile("[0-9a-f]{32}")
_UNSEEN = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters and signs that look like nothing
AGAIN = "Take them out and let them in anew."


@dataclass(frozen=True, slots=True)
class Row:
    """One epoch for one viewer. `sealed`: its private key, to the viewer's; `check`: as in `vault.json`, over the rows up to this one."""

    number: int
    created_us: int
    public: bytes
    sealed: bytes
    check: bytes
    tag: bytes

    def place(self) -> bytes:
        """Number and public key, which the seal is bound to."""
        return self.number.to_bytes(4, "big") + self.public


@dataclass(frozen=True, slots=True)
class Viewer:
    """One who was let in. `nonce` and `wrapped`: their private key under their passphrase's."""

    id: str
    name: str
    key: ViewingKey
    parameters: Argon2Parameters
    public: bytes
    nonce: bytes
    wrapped: bytes
    rows: tuple[Row, ...]

    def until(self, newest: Epoch) -> Viewer:
        """Return them without epochs that the vault does not have: a rotation that was cut off. Damaged where the newest is not theirs."""
        rows = tuple(row for row in self.rows if row.number <= newest.number)
        if not rows or rows[-1].place() != newest.place():
            raise Damaged(f"{self.name} has no key for what is recorded now", cure=AGAIN)
        return replace(self, rows=rows)

    def vault(self) -> bytes:
        """Return what their browser opens with their passphrase, as others do `vault.json`."""
        value = {
            "format": 1,
            "kdf": kdf_value(self.parameters),
            "kem": hpke.KEM_NAME,
            "viewer": {"public": b64(self.public), "nonce": b64(self.nonce), "wrapped": b64(self.wrapped)},
            "epochs": [
                {"number": row.number, "created_us": row.created_us, "public": b64(row.public), "sealed": b64(row.sealed)}
                for row in self.rows
            ],
            "check": b64(self.rows[-1].check),
        }
        return json.dumps(value).encode()


def make(name: str, passphrase: str, key: ViewingKey, epochs: Sequence[Epoch], privates: Sequence[bytearray]) -> Viewer:
    """Let somebody in, with all that was recorded. Blocks for some 100 ms. BadRequest."""
    check_passphrase(passphrase)
    name = named(name)
    parameters = Argon2Parameters(os.urandom(SALT_BYTES))
    kek = derive_kek(passphrase, parameters)
    private, public = hpke.generate()
    nonce = os.urandom(NONCE_BYTES)
    wrapped = AESGCM(kek).encrypt(nonce, private, _KEY + public)
    wipe(kek, private)
    viewer = Viewer(os.urandom(16).hex(), name, key, parameters, public, nonce, wrapped, ())
    for count in range(1, len(epochs) + 1):
        viewer = _with_epoch(viewer, epochs[:count], privates[:count])
    return viewer


def named(name: str) -> str:
    """Return a name as it is kept: one that can be seen, and told from others. BadRequest."""
    kept = unicodedata.normalize("NFC", name).strip()
    visible = kept.isprintable() and any(unicodedata.category(one)[0] in "LNS" for one in kept)
    if not visible or len(kept) > MOST_NAME or set(kept) & _UNSEEN:
        raise BadRequest(
            f"a name has 1 to {MOST_NAME} letters that can be seen", field="name", cure="Give one that you know them by."
        )
    return kept


def rotated(viewer: Viewer, epochs: Sequence[Epoch], privates: Sequence[bytearray]) -> Viewer:
    """Return them with the last of `epochs`, which is new. Damaged where they do not have the one before, or somebody else wrote that."""
    mine = viewer.until(epochs[-2])
    if not hmac.compare_digest(mine.rows[-1].tag, _tag(mine, mine.rows[-1], privates[-2])):
        raise Damaged(
            f"what is kept of {viewer.name} was changed by somebody who does not have the vault's keys", cure=AGAIN
        )
    return _with_epoch(mine, epochs, privates)


def _with_epoch(viewer: Viewer, epochs: Sequence[Epoch], privates: Sequence[bytearray]) -> Viewer:
    newest, private = epochs[-1], privates[-1]
    sealed = hpke.Wrapper(viewer.public, _EPOCH).wrap(private, newest.place())
    check = check_of([replace(one, recovery=b"") for one in epochs], None, privates[0])
    row = Row(newest.number, newest.created_us, newest.public, sealed, check, b"")
    return replace(viewer, rows=(*viewer.rows, replace(row, tag=_tag(viewer, row, private))))


def _tag(viewer: Viewer, row: Row, private: bytearray) -> bytes:
    key = HKDF(SHA256(), CHECK_BYTES, None, _TAG).derive(private)
    name = viewer.name.encode()
    whole = bytes.fromhex(viewer.id) + viewer.public + row.place() + viewer.key.secret + len(name).to_bytes(2, "big") + name
    return hmac.digest(key, whole, "sha256")


# on the disk


def read_all(folder: Path) -> tuple[list[Viewer], list[str]]:
    """Return all of a vault folder's, the oldest first, and the ids of those whose file is damaged."""
    found, damaged = [], []
    for path in sorted((folder / FOLDER).glob("*.json")):
        if not _ID.fullmatch(path.stem):
            continue
        try:
            with path.open("rb") as file:
                found.append(_parse(path.stem, json.loads(file.read(MOST_FILE))))
        except FileNotFoundError:
            continue
        except (OSError, ValueError, KeyError, TypeError, RecursionError, Damaged, BadRequest):
            damaged.append(path.stem)
    return sorted(found, key=lambda one: (one.key.created_us, one.id)), damaged


def write(folder: Path, viewer: Viewer) -> None:
    """Keep them; ResourceGone, and then all is as it was. The caller sees to it that nobody writes or removes beside it."""
    value: dict[str, Any] = {"format": 1, "name": viewer.name, **values_of(viewer.key)}
    value["rows"] = [{"check": b64(row.check), "tag": b64(row.tag)} for row in viewer.rows]
    value["vault"] = json.loads(viewer.vault())
    try:
        make_private_dir(folder / FOLDER)
        replace_file(_path(folder, viewer.id), json.dumps(value, indent=1).encode())
    except OSError as error:
        raise ResourceGone(
            f"{_path(folder, viewer.id)} could not be written: {error.strerror}", cure="See that the disk has room."
        ) from error


def remove(folder: Path, id_: str) -> bool:
    """Forget them; False where there is nobody of that id."""
    if not _ID.fullmatch(id_):
        return False
    try:
        _path(folder, id_).unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ResourceGone(f"{_path(folder, id_)} could not be removed: {error.strerror}") from error
    return True


def rotate_all(folder: Path, epochs: Sequence[Epoch], privates: Sequence[bytearray]) -> None:
    """Seal the last of `epochs`, which is new and not yet in `vault.json`, to everybody who is in. Who cannot have it is left as they are."""
    for viewer in read_all(folder)[0]:
        with contextlib.suppress(Damaged):  # said where viewers are listed
            write(folder, rotated(viewer, epochs, privates))


def _path(folder: Path, id_: str) -> Path:
    return folder / FOLDER / f"{id_}.json"


def _parse(id_: str, value: Any) -> Viewer:
    vault, name = value["vault"], value["name"]
    if value["format"] != 1 or type(name) is not str or named(name) != name or vault["kem"] != hpke.KEM_NAME:
        raise ValueError("another format")
    parameters, own = kdf_of(vault["kdf"]), vault["viewer"]
    rows = tuple(
        Row(
            number(one["number"], 32),
            number(one["created_us"], TIME_BITS),
            unb64(one["public"], hpke.PUBLIC_BYTES),
            unb64(one["sealed"], _SEALED_BYTES),
            unb64(more["check"], CHECK_BYTES),
            unb64(more["tag"], CHECK_BYTES),
        )
        for one, more in zip(vault["epochs"], value["rows"], strict=True)
    )
    if not rows or [row.number for row in rows] != sorted({row.number for row in rows}):
        raise ValueError("no epochs, or not in order")
    public, nonce = unb64(own["public"], hpke.PUBLIC_BYTES), unb64(own["nonce"], NONCE_BYTES)
    wrapped = unb64(own["wrapped"], hpke.PRIVATE_BYTES + TAG_BYTES)
    return Viewer(id_, name, key_of(value), parameters, public, nonce, wrapped, rows)
