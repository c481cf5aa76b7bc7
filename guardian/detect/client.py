"""A camera's line to the inference process: pictures through shared memory, tickets and answers over a socket.

Never blocks the one who submits, and outlives the process at the other end: it connects again by itself.
"""

from __future__ import annotations

import select
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guardian.detect.engine import Engine
from guardian.model.messages import Attach, InferReply, InferRequest, ModelReady
from guardian.platform.clock import Clock
from guardian.platform.ipc import BlockingLink, LinkClosed, connect
from guardian.platform.shared_frames import SharedFrames

RETRY_S = 0.5
LATEST_ANSWER_S = 10.0  # a request that waits longer means that the other side hangs: begin anew

OnDone = Callable[[InferReply], None]


@dataclass(slots=True)
class _Waiting:
    """A request under way."""

    slot: int
    count: int
    on_done: OnDone
    since_s: float


class InferenceClient:
    """Asks the inference process. `on_done` runs on the client's own thread; what it raises ends with it."""

    def __init__(self, socket_path: str, camera: str, clock: Clock, slots: int = 8) -> None:
        self._path, self._camera, self._clock, self._slots = socket_path, camera, clock, slots
        self._lock = threading.Lock()
        self._link: BlockingLink | None = None
        self._frames: SharedFrames | None = None
        self._model: ModelReady | None = None
        self._before: ModelReady | None = None  # the model that this one has replaced: pictures for it may still come
        self._waiting: dict[int, _Waiting] = {}
        self._ticket = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"inference client {camera}", daemon=True)
        self._thread.start()

    @property
    def model(self) -> ModelReady | None:
        """What the other side runs and wants; None while it is not there."""
        return self._model

    def submit(self, pictures: list[NDArray[np.uint8]], on_done: OnDone) -> bool:
        """Ask what is in some pictures (H, W, 3; the model's size and colour order).

        False when not connected or full, or when the model was changed while the pictures were made.
        """
        with self._lock:
            link, frames, model = self._link, self._frames, self._model
            if link is None or frames is None or model is None or not pictures:
                return False
            slot = frames.lease(len(pictures))
            if slot is None:
                return False
            self._ticket += 1
            ticket = self._ticket
            self._waiting[ticket] = _Waiting(slot, len(pictures), on_done, self._clock.mono_s())
        try:
            if not _copy(pictures, frames, slot, model, self._before):
                self._taken_back(ticket)
                return False
            link.send(InferRequest(ticket, slot, len(pictures)))
        except LinkClosed:
            return self._taken_back(ticket)  # the reader may have answered it already
        except ValueError:
            self._taken_back(ticket)
            raise
        return True

    def _taken_back(self, ticket: int) -> bool:
        """Forget a request that did not go out; return whether somebody has answered it in the meantime."""
        with self._lock:
            waiting = self._waiting.pop(ticket, None)
            if waiting is not None and self._frames is not None:
                self._frames.release(waiting.slot, waiting.count)
        return waiting is None

    def close(self) -> None:
        """Hang up; requests under way are answered with an error."""
        self._ending.set()
        with self._lock:
            if self._link is not None:
                self._link.close()
        if threading.current_thread() is not self._thread:
            self._thread.join(5.0)

    # the client's own thread

    def _run(self) -> None:
        while not self._ending.is_set():
            reason = "the inference process is not there"
            try:
                self._converse(connect(self._path))
            except LinkClosed:
                pass
            except TimeoutError:
                reason = f"the inference process did not answer in {LATEST_ANSWER_S:g} s"
            self._hung_up(reason)
            self._ending.wait(RETRY_S)

    def _converse(self, link: BlockingLink) -> None:
        try:
            self._take_model(link, self._first(link))
            while True:
                self._await(link)
                message, _ = link.receive()
                if isinstance(message, InferReply):
                    self._answered(message)
                elif isinstance(message, ModelReady):
                    self._take_model(link, message)
        finally:
            with self._lock:
                frames, self._link, self._frames, self._model = self._frames, None, None, None
            if frames is not None:
                frames.close()
            link.close()

    def _take_model(self, link: BlockingLink, model: ModelReady) -> None:
        """Use a model from here on; one of another size needs other memory, and what is under way is answered as lost."""
        with self._lock:
            before, old = self._model, self._frames
            if before is not None and _shape(before) == _shape(model):
                self._model = model
                return
            self._link = self._frames = self._model = None
        self._hung_up("the model was changed meanwhile")
        frames = SharedFrames.create(self._slots, model.width * model.height * 3)
        try:
            link.send(Attach(self._camera, frames.slots, frames.slot_bytes), fd=frames.fd)
        except LinkClosed:
            frames.close()
            raise
        finally:
            if old is not None:
                old.close()
        with self._lock:
            self._link, self._frames, self._model, self._before = link, frames, model, before

    def _first(self, link: BlockingLink) -> ModelReady:
        while not self._ending.is_set():
            if select.select([link], [], [], RETRY_S)[0]:
                message, _ = link.receive()
                if not isinstance(message, ModelReady):
                    raise LinkClosed("it did not begin with its model")
                return message
        raise LinkClosed("closed")

    def _await(self, link: BlockingLink) -> None:
        """Wait for a message; TimeoutError when the oldest request has waited too long."""
        while not self._ending.is_set():
            try:
                if select.select([link], [], [], 1.0)[0]:
                    return
            except (OSError, ValueError):  # closed from another thread
                break
            with self._lock:
                oldest = min((waiting.since_s for waiting in self._waiting.values()), default=None)
            if oldest is not None and self._clock.mono_s() - oldest > LATEST_ANSWER_S:
                raise TimeoutError
        raise LinkClosed("closed")

    def _answered(self, reply: InferReply) -> None:
        with self._lock:
            waiting = self._waiting.pop(reply.ticket, None)
            if waiting is not None and self._frames is not None:
                self._frames.release(waiting.slot, waiting.count)
        if waiting is not None:
            waiting.on_done(reply)

    def _hung_up(self, reason: str) -> None:
        with self._lock:
            lost, self._waiting = self._waiting, {}
        for ticket, waiting in lost.items():
            waiting.on_done(InferReply(ticket, error=reason))


def _shape(model: ModelReady) -> tuple[int, int, int]:
    return model.height, model.width, 3


def _copy(
    pictures: Sequence[NDArray[np.uint8]], frames: SharedFrames, slot: int, model: ModelReady, before: ModelReady | None
) -> bool:
    """Put pictures into slots; False where they were made for the model before this one."""
    shape = _shape(model)
    slots = np.frombuffer(frames.view(slot, len(pictures)), np.uint8).reshape(-1, *shape)
    for index, picture in enumerate(pictures):
        if picture.shape != shape or picture.dtype != np.uint8:
            if before is not None and picture.shape == _shape(before):
                return False
            raise ValueError(f"a picture of {picture.shape} {picture.dtype}, the model wants {shape} uint8")
        slots[index] = picture
    return True


class LocalInference:
    """The same questions answered in this process, at once: for tests and offline replay."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._ticket = 0

    @property
    def model(self) -> ModelReady | None:
        """What the engine runs and wants."""
        return self._engine.ready

    def submit(self, pictures: list[NDArray[np.uint8]], on_done: OnDone) -> bool:
        """Look at the pictures now, and call `on_done` before returning."""
        self._ticket += 1
        on_done(InferReply(self._ticket, tuple(self._engine.detect(np.stack(pictures)))))
        return True

    def close(self) -> None:
        """The engine belongs to its maker: nothing to do."""
