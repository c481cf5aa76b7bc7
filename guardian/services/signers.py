"""Who may sign commands beside the home itself: keys that the owner takes along, each by the home's own statement, until it is taken back.

A signer's private key is shown once and kept nowhere here. What is kept are the home's statements, which relay and cloud are told, too.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from guardian.model.command import Signer
from guardian.model.errors import BadRequest, Conflict, Damaged, NotFound, ServiceUnavailable
from guardian.platform.clock import Clock
from guardian.platform.files import replace_file

_log = structlog.get_logger(__name__)
FILE = "signers.json"  # in the vault's folder
MOST = 16
SUBJECT_BYTES = 16


class HomeKey(Protocol):
    """The home's key."""

    public_key: bytes

    def sign_statement(self, body: bytes) -> bytes: ...


class Wire(Protocol):
    """`guardian.protocol.members`, whose library not every Guardian has."""

    def make_member(self, home: bytes, subject: bytes, number: int, now_ms: int, signing_key: bytes) -> bytes: ...

    def make_out(self, home: bytes, subject: bytes, number: int, now_ms: int) -> bytes: ...

    def make_signed(self, body: bytes, signature: bytes) -> bytes: ...

    def member_key(self, home: bytes, said: Sequence[tuple[bytes, bytes]], member: bytes, now_ms: int) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class _Kept:
    signer: Signer
    number: int
    body: bytes
    signature: bytes


class SignerService:
    """Keeps them. `tell(statement)` is told of each new statement."""

    def __init__(
        self,
        vault_dir: Path,
        home: HomeKey | None,
        wire: Callable[[], Wire] | None,
        clock: Clock,
        ids: Callable[[], dict[str, str]],
    ) -> None:
        self._path, self._home, self._wire, self._clock, self._ids = vault_dir / FILE, home, wire, clock, ids
        self._lock = asyncio.Lock()
        self._problem = ""
        try:
            self._kept = _read(self._path)
        except Damaged as error:  # nobody may sign, then
            self._kept, self._problem = [], error.message
            _log.error("signers_damaged", problem=error.message, cure=error.cure)
        self.tell: Callable[[bytes], None] = lambda statement: None

    def all(self) -> tuple[Signer, ...]:
        """All that ever were, the oldest first."""
        return tuple(one.signer for one in self._kept)

    def statements(self) -> tuple[bytes, ...]:
        """The home's word on each, as it travels."""
        if self._wire is None:
            return ()
        wire = self._wire()
        return tuple(wire.make_signed(one.body, one.signature) for one in self._kept)

    def key_of(self, member: bytes, now_ms: int) -> bytes | None:
        """The key by which a member signs, while they are in."""
        if self._wire is None or self._home is None:
            return None
        said = [(one.body, one.signature) for one in self._kept]
        return self._wire().member_key(self._home.public_key, said, member, now_ms)

    async def add(self, name: str) -> dict[str, Any]:
        """Make a signer and return its key file's content, this once. VaultLocked: the home has to sign."""
        async with self._lock:
            home, wire = self._ready()
            name = name.strip()
            if not 0 < len(name) <= 40 or not name.isprintable():
                raise BadRequest("a signer has a name of 1 to 40 letters", field="name", cure="Such as: Olga's laptop.")
            standing = [one for one in self._kept if not one.signer.out]
            if any(one.signer.name == name for one in standing):
                raise Conflict(f"there is a signer {name!r}", field="name", cure="Take another name, or take that one out.")
            if len(standing) >= MOST:
                raise Conflict(f"there are {MOST} signers", cure="Take one out: guardian cloud signer remove.")
            signing, subject = Ed25519PrivateKey.generate(), os.urandom(SUBJECT_BYTES)
            now_us, number = self._clock.now().utc_us, self._next()
            public = signing.public_key().public_bytes_raw()
            body = wire.make_member(home.public_key, subject, number, now_us // 1000, public)
            signer = Signer(name, subject.hex(), now_us)
            await self._keep([*self._kept, _Kept(signer, number, body, home.sign_statement(body))], wire)
            _log.info("signer_added", signer=signer.subject)
        return {
            "format": 1,
            "name": name,
            "home": home.public_key.hex(),
            "member": signer.subject,
            "signing_key": signing.private_bytes_raw().hex(),
            "cameras": self._ids(),
        }

    async def remove(self, subject: str) -> None:
        """Take a signer out, for good. VaultLocked: the home has to sign that, too."""
        async with self._lock:
            home, wire = self._ready()
            at = next(
                (at for at, one in enumerate(self._kept) if one.signer.subject == subject and not one.signer.out), None
            )
            if at is None:
                raise NotFound("there is no such signer", field="member", cure="List them: guardian cloud signer list.")
            one, number = self._kept[at], self._next()
            body = wire.make_out(home.public_key, bytes.fromhex(subject), number, self._clock.now().utc_us // 1000)
            kept = list(self._kept)
            kept[at] = _Kept(replace(one.signer, out=True), number, body, home.sign_statement(body))
            await self._keep(kept, wire, at)
            _log.info("signer_removed", signer=subject)

    def _next(self) -> int:
        """The next number: above all before, also those of a home that was made anew from an older backup."""
        return max([self._clock.now().utc_us // 1000, *(one.number + 1 for one in self._kept)])

    def _ready(self) -> tuple[HomeKey, Wire]:
        if self._problem:
            raise Damaged(self._problem, cure="Restore it from a backup.")
        if self._home is None or self._wire is None:
            raise ServiceUnavailable(
                "commands need a link to a relay", cure="Install it: pip install 'private-ai-guardian[cloud-sync]'."
            )
        return self._home, self._wire()

    async def _keep(self, kept: list[_Kept], wire: Wire, at: int = -1) -> None:
        await asyncio.to_thread(replace_file, self._path, _text(kept))
        self._kept = kept
        self.tell(wire.make_signed(kept[at].body, kept[at].signature))


def _text(kept: Sequence[_Kept]) -> bytes:
    rows = [
        {
            "name": one.signer.name,
            "member": one.signer.subject,
            "added_us": one.signer.added_us,
            "out": one.signer.out,
            "number": one.number,
            "body": base64.b64encode(one.body).decode(),
            "signature": base64.b64encode(one.signature).decode(),
        }
        for one in kept
    ]
    return json.dumps({"format": 1, "signers": rows}, indent=1).encode()


def _read(path: Path) -> list[_Kept]:
    try:
        value = json.loads(path.read_bytes())
        if value["format"] != 1:
            raise ValueError("another format")
        return [
            _Kept(
                Signer(str(one["name"]), str(one["member"]), int(one["added_us"]), bool(one["out"])),
                int(one["number"]),
                base64.b64decode(one["body"], validate=True),
                base64.b64decode(one["signature"], validate=True),
            )
            for one in value["signers"]
        ]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Damaged(
            f"{path} cannot be read", cure="Restore it from a backup; until then only the home itself signs."
        ) from error
