"""The detector of this machine for Guardians on others: who may ask, how much, whose turn it is. Its doors are in infer_doors.

Pictures are looked at and forgotten: nothing of them is written or logged. Each edge has its own token, its own turn and its own
limit, so that one that asks too much slows nobody else.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import structlog

from guardian.detect.desk import Desk, Seat
from guardian.detect.engine import Engine
from guardian.model.errors import BadRequest, BadSetting, Bug, Conflict, NotAllowed, TooManyRequests
from guardian.model.messages import CameraInference, ModelReady
from guardian.model.vision import Detection
from guardian.platform.clock import Clock

_log = structlog.get_logger(__name__)
MOST_PICTURES = 16  # a request: more crops than a frame ever has
MOST_BYTES = 32 << 20
WAITING_PER_EDGE = 16  # it has several cameras, each with two under way
LEAST_TOKEN = 32  # characters; `openssl rand -hex 32` gives 64
Answer = list[tuple[Detection, ...]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: pictures as bytes, and who waits for the answer."""

    pictures: bytes
    count: int
    answer: Future[Answer]


@dataclass(eq=False, slots=True)
class Edge(Seat[Asked]):
    """One who has a token."""

    digest: bytes = b""
    allowance: float = 0.0  # pictures that may come at once
    since_s: float = field(default=0.0)


def read_tokens(path: Path) -> tuple[tuple[str, str], ...]:
    """Return (edge, token) pairs from a file with one `name token` (or a mere token) a line. BadSetting."""
    try:
        mode = path.stat().st_mode
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(
            f"--token-file: {path} cannot be read: {error}", field="token-file", cure="Make it: openssl rand -hex 32 > FILE"
        ) from error
    if mode & 0o077:
        raise BadSetting(f"--token-file: others may read {path}", field="token-file", cure=f"chmod 600 {path}")
    found = []
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        name, token = (words[0], words[1]) if len(words) == 2 else (f"edge {number}", words[0])
        if len(words) > 2 or len(token) < LEAST_TOKEN:
            raise BadSetting(
                f"--token-file: line {number} is no `name token` with {LEAST_TOKEN} characters or more",
                field="token-file",
                cure="Make one: openssl rand -hex 32",
            )
        found.append((name, token))
    if not found:
        raise BadSetting("--token-file holds no token", field="token-file", cure="openssl rand -hex 32 > FILE")
    return tuple(found)


class InferService:
    """Answers whoever has a token. Thread-safe; workers of its own run the engine."""

    def __init__(self, engine: Engine, tokens: Sequence[tuple[str, str]], clock: Clock, pictures_per_s: float) -> None:
        self._engine, self._clock, self._rate = engine, clock, pictures_per_s
        self._desk = Desk[Asked](clock)
        self._lock = threading.Lock()
        now = clock.mono_s()
        self._edges = [
            Edge(name, WAITING_PER_EDGE, digest=_digest(token), allowance=pictures_per_s, since_s=now)
            for name, token in tokens
        ]
        self.model = engine.ready
        self.revision = revision_of(self.model)
        self._workers = [
            threading.Thread(target=self._work, name=f"infer worker {number}", daemon=True)
            for number in range(engine.parallel + 1 if engine.parallel > 1 else 1)
        ]
        for worker in self._workers:
            worker.start()

    def admit(self, authorization: str) -> Edge:
        """Return whose token a header `Bearer TOKEN` holds; NotAllowed. Every token is compared, in constant time."""
        given, found = _digest(authorization.removeprefix("Bearer ")), None
        for edge in self._edges:
            if hmac.compare_digest(given, edge.digest):
                found = edge
        if found is None or not authorization.startswith("Bearer "):
            raise NotAllowed("the token is not known here", cure="Put the token of --token-file into the edge's settings.")
        return found

    def ask(self, edge: Edge, revision: str, count: int, pictures: bytes) -> Future[Answer]:
        """Have pictures looked at. The future raises TooManyRequests when newer ones came first."""
        height, width = self._engine.spec.height, self._engine.spec.width
        if revision != self.revision:
            raise Conflict("another model runs here now", cure="Ask for the model again.")
        if not 1 <= count <= MOST_PICTURES:
            raise BadRequest(f"{count} pictures: 1 to {MOST_PICTURES} at once", field="count", cure="Ask in several calls.")
        if len(pictures) != count * height * width * 3:
            raise BadRequest(
                f"{len(pictures)} bytes are not {count} × {height} × {width} × 3", field="pictures", cure="Send raw pixels."
            )
        with self._lock:
            now = self._clock.mono_s()
            edge.allowance = min(self._rate, edge.allowance + (now - edge.since_s) * self._rate)
            edge.since_s = now
            if edge.allowance < count:
                raise TooManyRequests(
                    f"more than {self._rate:g} pictures a second", cure="Raise --pictures-per-s, or ask less."
                )
            edge.allowance -= count
        answer: Future[Answer] = Future()
        if (fell := self._desk.put(edge, Asked(pictures, count, answer))) is not None:
            fell.answer.set_exception(TooManyRequests("newer pictures came first", cure="Ask less at once."))
        return answer

    def accounts(self) -> tuple[CameraInference, ...]:
        """Return what each edge asked and got."""
        return self._desk.accounts()

    def _work(self) -> None:
        spec = self._engine.spec
        while (job := self._desk.take()) is not None:
            edge, asked, waited_s = job
            began, failed = self._clock.mono_s(), False
            pictures = np.frombuffer(asked.pictures, np.uint8).reshape(asked.count, spec.height, spec.width, 3)
            try:
                asked.answer.set_result(self._engine.detect(pictures))
            except Exception as error:  # noqa: BLE001 - foreign code: the runtime that the engine names
                failed = True
                _log.error("inference_failed", edge=edge.name, problem=f"{type(error).__name__}: {error}")
                asked.answer.set_exception(
                    Bug(f"{self._engine.backend}: {type(error).__name__}", cure="See the log over there.")
                )
            self._desk.done(edge, waited_s, self._clock.mono_s() - began, failed=failed)

    def close(self, then: Callable[[], None] = lambda: None) -> None:
        """Finish what waits, and release the device."""
        self._desk.close()
        for worker in self._workers:
            worker.join(5.0)
        self._engine.close()
        then()


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def revision_of(model: ModelReady) -> str:
    """Return a short name of all that a picture has to be made for and a label means."""
    return hashlib.sha256(repr(model).encode()).hexdigest()[:16]
