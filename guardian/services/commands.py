"""Commands from afar: the cloud can ask, never order. Whoever carries them, what changes anything is done for the home's signature alone.

Of signed ones each is done once and none that is older than one done already, over restarts, too: a journal beside the vault says which
was last. A command that comes again is answered as before and not done again. Unsigned ones change nothing, and leave no trace on the disk.
"""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import structlog

from guardian.model import command as codes
from guardian.model.command import Answer, Asked, CommandSeen, SignedCommand, Wish
from guardian.model.errors import BadRequest, BadSetting, Conflict, GuardianError, NotAllowed, NotFound, ServiceUnavailable
from guardian.model.ids import uuid7
from guardian.platform.clock import Clock
from guardian.platform.files import replace_file
from guardian.services.afar_settings import OF_CAMERA, OF_HOUSE, AfarSettings
from guardian.services.signers import SignerService
from guardian.vault.home import made_by

_log = structlog.get_logger(__name__)
FILE = "commands.json"
REMEMBERED = 200  # answers; what is forgotten is refused as out of order, so it is never done twice
SHOWN = 50
SKEW_MS = 5 * 60_000  # a clock may be ahead of ours
LONGEST_S = 7 * 86_400  # a signature that never ends would be an order in somebody's drawer
FREE_EACH_S = 1.0  # unsigned ones: whoever asks more often is told that we are busy
UNLOCK = "Unlock it first: the home signs."


class HomeKey(Protocol):
    """The home's key."""

    public_key: bytes

    def sign_command(self, signed: bytes) -> bytes: ...


class Wire(Protocol):
    """Commands as bytes (`guardian.protocol.commands`, whose library not every Guardian has)."""

    FREE: frozenset[str]
    SET: str

    def read_command(self, raw: bytes) -> Asked: ...

    def make_command(
        self,
        identity: bytes,
        verb: str,
        home: bytes,
        issued_ms: int,
        expires_ms: int,
        body: bytes = b"",
        sign: Callable[[bytes], bytes] | None = None,
    ) -> bytes: ...

    def make_body(self, wish: Wish, camera: bytes) -> bytes: ...

    def read_body(self, body: bytes) -> tuple[str, bool | float | None, bytes]: ...

    def make_done(self, identity: bytes, answer: Answer) -> bytes: ...


def refusal(
    asked: Asked, home: bytes, key: bytes | None, now_ms: int, newest_ms: int, free: frozenset[str], changes: str
) -> Answer | None:
    """Say why a command is not done; None: it may be. `key`: of who says to have signed it; None: the home knows of none.
    `newest_ms`: when the newest that was done had been signed. Pure.
    """
    if len(asked.id) != 16 or asked.id[6] >> 4 != 7:
        return Answer(False, codes.BAD_REQUEST, "the command has no id")
    if asked.home != home:
        return Answer(False, codes.ANOTHER_HOME, "the command is meant for another home")
    if asked.expires_ms <= now_ms:
        return Answer(False, codes.EXPIRED, "the command's time is over")
    if asked.issued_ms > now_ms + SKEW_MS:
        return Answer(False, codes.NOT_YET, "the command was made in the future")
    if asked.verb in free:
        return None
    if asked.verb != changes:
        return Answer(False, codes.UNKNOWN_VERB, "this home does not do that when it is asked from afar")
    return _unsigned(asked, key) or _out_of_time(asked, newest_ms)


def _unsigned(asked: Asked, key: bytes | None) -> Answer | None:
    if not asked.signature:
        return Answer(False, codes.NOT_SIGNED, "what changes anything must be signed by the home")
    if key is None:
        return Answer(False, codes.NOT_TRUSTED, "the home knows of no such signer, or has taken it out")
    if not made_by(key, asked.signed, asked.signature):
        return Answer(
            False, codes.BAD_SIGNATURE, "the signature is not the home's or its signer's, or the command was altered"
        )
    return None


def _out_of_time(asked: Asked, newest_ms: int) -> Answer | None:
    if asked.expires_ms - asked.issued_ms > LONGEST_S * 1000:
        return Answer(False, codes.BAD_REQUEST, "the command is good for more than a week")
    if asked.issued_ms <= newest_ms:
        return Answer(False, codes.OUT_OF_ORDER, "a command that was signed later has been done already")
    return None


class CommandService:
    """Implements `contract.Commands`. `wire` is None where no plugin brings a link; `opaque(camera)` is what those between call one."""

    def __init__(
        self,
        data_dir: Path,
        home: HomeKey | None,
        wire: Callable[[], Wire] | None,
        settings: AfarSettings,
        cameras: Callable[[], Sequence[str]],
        opaque: Callable[[str], bytes],
        clock: Clock,
        signers: SignerService,
    ) -> None:
        self.signers = signers
        self._path, self._home, self._wire = data_dir / FILE, home, wire
        self._settings, self._cameras, self._opaque, self._clock = settings, cameras, opaque, clock
        self._lock = asyncio.Lock()
        self._journal = _read(self._path)
        self._seen: deque[CommandSeen] = deque(maxlen=SHOWN)
        self._free_s: dict[str, float] = {}
        self.taken = False

    of_camera: Mapping[str, str] = OF_CAMERA
    of_house: Mapping[str, str] = OF_HOUSE

    def seen(self) -> tuple[CommandSeen, ...]:
        """What was asked since the start, and what became of it; the newest first."""
        return tuple(reversed(self._seen))

    @property
    def home(self) -> bytes:
        """The home's public key; empty where there is none."""
        return self._home.public_key if self._home is not None else b""

    # signing

    def sign(self, wish: Wish, valid_s: float) -> SignedCommand:
        """Have the home sign a wish. VaultLocked; NotAllowed, NotFound, BadSetting as the wish deserves it."""
        if self._wire is None or self._home is None:
            raise ServiceUnavailable(
                "commands need a link to a relay",
                cure="Install it: pip install 'private-ai-guardian[wireguard,cloud-sync]'.",
            )
        if not 1 <= valid_s <= LONGEST_S:
            raise BadRequest("a command is good for a second to a week", field="valid_s", cure="Such as 3600.")
        self._settings.check(wish)
        now_ms = self._clock.now().utc_us // 1000
        issued_ms = max(now_ms, self._journal.signed_ms + 1, self._journal.newest_ms + 1)
        if issued_ms > now_ms + SKEW_MS:
            raise Conflict("the clock has been set back", cure="Set this machine's clock, or wait.")
        self._journal.signed_ms = issued_ms
        expires_ms = issued_ms + round(valid_s * 1000)
        name = uuid7(issued_ms, os.urandom(10))
        wire = self._wire()
        body = wire.make_body(wish, self._opaque(wish.camera) if wish.camera else b"")
        raw = wire.make_command(
            uuid.UUID(name).bytes, wire.SET, self.home, issued_ms, expires_ms, body, self._home.sign_command
        )
        _log.info("command_signed", command=name, setting=wish.setting)
        return SignedCommand(name, raw, expires_ms * 1000)

    # being asked

    async def ask(self, raw: bytes) -> bytes:
        """Do a command, or say why not: the answer's bytes, empty where the command had no id to answer to."""
        if self._wire is None or self._home is None:
            return b""
        wire = self._wire()
        try:
            asked = wire.read_command(raw)
        except ValueError as error:
            _log.warning("command_refused", code=codes.BAD_REQUEST, problem=str(error))
            return b""
        answer = await asyncio.shield(asyncio.ensure_future(self._answer_in_turn(asked, wire)))  # a link may break meanwhile
        return wire.make_done(asked.id, answer)

    async def _answer_in_turn(self, asked: Asked, wire: Wire) -> Answer:
        async with self._lock:
            return await self._answer(asked, wire)

    async def _answer(self, asked: Asked, wire: Wire) -> Answer:
        digest = sha256(asked.signed + b"\x00" + asked.signature).hexdigest()
        known = self._journal.answers.get(asked.id.hex())
        if known is not None and known.digest == digest and known.answer is not None:
            self._again(asked)
            return known.answer
        newest_ms = self._journal.newest_ms
        if known is not None and known.digest == digest:  # begun, and killed before its answer was kept: do it again
            newest_ms = min(newest_ms, asked.issued_ms - 1)
        now_ms = self._clock.now().utc_us // 1000
        key = self.signers.key_of(asked.member, now_ms) if asked.member and asked.signature else self.home
        answer, wish = refusal(asked, self.home, key, now_ms, newest_ms, wire.FREE, wire.SET), None
        if answer is None and asked.verb in wire.FREE:
            answer = self._do_free(asked.verb)
        elif answer is None:
            wish, answer = self._wish(asked, wire)
            if wish is not None:
                answer = await self._do(asked, wish, digest)
        assert answer is not None
        self._note(asked, answer, wish)
        return answer

    def _do_free(self, verb: str) -> Answer:
        now_s = self._clock.mono_s()
        if now_s - self._free_s.get(verb, -FREE_EACH_S) < FREE_EACH_S:
            return Answer(False, codes.BUSY, "this home was asked a moment ago")
        self._free_s[verb] = now_s
        return Answer(True)

    def _wish(self, asked: Asked, wire: Wire) -> tuple[Wish | None, Answer]:
        try:
            setting, value, opaque = wire.read_body(asked.body)
        except ValueError as error:
            return None, Answer(False, codes.BAD_REQUEST, str(error))
        camera = next((one for one in self._cameras() if self._opaque(one) == opaque), "") if opaque else ""
        if opaque and not camera:
            return None, Answer(False, codes.BAD_REQUEST, "there is no such camera")
        return Wish(setting, value, camera), Answer(True)

    async def _do(self, asked: Asked, wish: Wish, digest: str) -> Answer:
        """Do it, between two entries of the journal: a setting that is set twice is set once."""
        if not await self._keep(asked, _Kept(digest, None)):
            return Answer(False, codes.BUSY, "the journal of commands cannot be written")
        try:
            kept = await self._settings.set(wish)
            answer = Answer(True, "", "" if kept else "until Guardian ends: config.toml does not have that camera")
        except NotAllowed as error:
            answer = Answer(False, codes.NOT_ALLOWED, error.message)
        except (BadSetting, NotFound) as error:
            answer = Answer(False, codes.BAD_SETTING, error.message)
        except GuardianError as error:
            answer = Answer(False, error.code, error.message)
        await self._keep(asked, _Kept(digest, answer))
        return answer

    async def _keep(self, asked: Asked, kept: _Kept) -> bool:
        self._journal.take(asked.id.hex(), asked.issued_ms, kept)
        try:
            await asyncio.to_thread(replace_file, self._path, self._journal.text())
        except OSError as error:
            _log.error("commands_journal_not_written", problem=error.strerror, cure="See that the disk has room.")
            return False
        return True

    def _note(self, asked: Asked, answer: Answer, wish: Wish | None) -> None:
        name = str(uuid.UUID(bytes=asked.id)) if len(asked.id) == 16 else ""
        verb = asked.verb if asked.verb.isidentifier() else "?"
        say = _log.info if answer.ok else _log.warning
        say("command_done" if answer.ok else "command_refused", command=name, verb=verb[:40], code=answer.code)
        at_us, times = self._clock.now().utc_us, 1
        last = self._seen[-1] if self._seen else None
        if last is not None and not answer.ok and (last.verb, last.answer) == (verb[:40], answer):
            times = self._seen.pop().times + 1  # who asks the same again and again takes no room from the rest
        self._seen.append(
            CommandSeen(name, at_us, verb[:40], bool(asked.signature), answer, wish, times, asked.member.hex()[:32])
        )

    def _again(self, asked: Asked) -> None:
        name = str(uuid.UUID(bytes=asked.id))
        _log.info("command_again", command=name)
        for at, one in enumerate(self._seen):
            if one.id == name:
                self._seen[at] = replace(one, times=one.times + 1)


@dataclass(frozen=True, slots=True)
class _Kept:
    digest: str
    answer: Answer | None  # None: begun


class _Journal:
    """`newest_ms`: when the newest that was begun had been signed. `signed_ms`: when we signed last."""

    def __init__(self, newest_ms: int = 0) -> None:
        self.newest_ms, self.signed_ms = newest_ms, 0
        self.answers: OrderedDict[str, _Kept] = OrderedDict()

    def take(self, name: str, issued_ms: int, kept: _Kept) -> None:
        self.newest_ms = max(self.newest_ms, issued_ms)
        self.answers[name] = kept
        while len(self.answers) > REMEMBERED:
            self.answers.popitem(last=False)

    def text(self) -> bytes:
        answers: dict[str, Any] = {
            name: [one.digest, *((one.answer.ok, one.answer.code, one.answer.message) if one.answer is not None else ())]
            for name, one in self.answers.items()
        }
        return json.dumps({"format": 1, "newest_ms": self.newest_ms, "answers": answers}).encode()


def _read(path: Path) -> _Journal:
    """Return the journal. One that cannot be read is as if everything up to its own date had been done."""
    try:
        value: Mapping[str, Any] = json.loads(path.read_bytes())
        journal = _Journal(int(value["newest_ms"]))
        for name, (digest, *rest) in value["answers"].items():
            journal.answers[name] = _Kept(digest, Answer(bool(rest[0]), str(rest[1]), str(rest[2])) if rest else None)
        return journal
    except FileNotFoundError:
        return _Journal()
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        _log.error("commands_journal_damaged", cure="Commands that were signed before it are refused: sign them anew.")
        return _Journal(path.stat().st_mtime_ns // 1_000_000 if path.exists() else 0)
