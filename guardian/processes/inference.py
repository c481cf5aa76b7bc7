"""The inference process: one model for all cameras.

Each camera connects, is told the model, hands over shared memory, and asks (detect.desk says whose turn it is). A model that
replaces another is loaded beside it; cameras are then told of it on the same line and hand over memory that fits. Blocking
threads; nothing here decodes video. A process that is beyond help ends itself: the conductor starts another.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray

from guardian.detect.desk import Desk, Meter, Seat
from guardian.detect.engine import AUTO, Engine
from guardian.model.errors import Bug, GuardianError, ServiceUnavailable
from guardian.model.messages import (
    Attach,
    DetectorUsed,
    Hello,
    InferenceJob,
    InferenceStats,
    InferReply,
    InferRequest,
    Message,
    Stop,
    UseDetector,
)
from guardian.platform.clock import Clock, SystemClock
from guardian.platform.ipc import BlockingLink, LinkClosed, connect
from guardian.platform.limits import bound_memory, harden, settle_memory
from guardian.platform.logs import set_up_logs
from guardian.platform.shared_frames import NotSharedFrames, SharedFrames
from guardian.processes.engines import HintByLoad, Opened, engine_for, explain, open_or_previous, remember, stand_in
from guardian.settings.schema import DetectorSettings, PluginsSettings

_log = structlog.get_logger(__name__)
SKIPPED = "skipped: a newer picture came first"
CHANGED = "the model was changed meanwhile"
REPORT_EVERY_S = 1.0
HUNG_S = 15.0  # one request that takes longer will never end: no model of ours takes a second
RLIMIT_SHARE = 2  # of the bound that the conductor watches: the kernel refuses what grows too fast to be seen
RETRY_S = 5.0  # between two looks for a machine that is away
FAILURES_IN_ROW = 20  # then the device is gone for this process: another one may find it again
LOADING_PATIENCE_S = 300.0  # a GPU or an NPU compiles a big model for minutes
HUNG_EXIT, FAILING_EXIT = 70, 71  # EX_SOFTWARE and the one after it


@dataclass(eq=False, slots=True)
class Camera(Seat["Asked"]):
    """One connection."""

    link: BlockingLink | None = None
    frames: SharedFrames | None = None

    def say(self, message: Message) -> None:
        """Send, if there is still somebody."""
        try:
            if self.link is not None:
                self.link.send(message)
        except LinkClosed:
            pass


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, and the memory that its pictures were put into."""

    request: InferRequest
    frames: SharedFrames | None = None


class InferenceServer:
    """Listens, loads a model, answers; loads another beside it and swaps. Until one is loaded cameras wait unanswered."""

    def __init__(self, socket_path: Path, clock: Clock) -> None:
        self._path, self._clock = socket_path, clock
        self._desk, self._meter = Desk[Asked](clock), Meter(clock)
        self._cameras: set[Camera] = set()
        self._lock = threading.Lock()
        self._swapping = threading.Lock()
        self._engine: Engine | None = None
        self._workers: list[threading.Thread] = []
        self._busy_since_s: dict[int, float] = {}
        self._failures = self._slot_before = 0
        self._problem = "the model is being loaded"
        self.warning = ""
        # The engine is another machine, and that is away; called for an engine that answers no more, too.
        self.on_away: Callable[[ServiceUnavailable, Engine], None] = lambda error, engine: None
        self._loading = 0
        self._threads: list[threading.Thread] = []
        self._listener = _listen(socket_path)
        self._threads.append(_spawn(self._accept, "accept"))

    def load(self, open_: Callable[[], Engine]) -> None:
        """Make the first engine and begin to answer; a failure is kept as the problem that `stats` tells."""
        try:
            self.use(open_)
        except GuardianError as error:
            self._problem = explain(error)
            _log.error("detection_off", problem=error.message, cure=error.cure)

    def use(self, open_: Callable[[], Engine]) -> Engine:
        """Make an engine beside what runs, then let it take over: no request is lost. Where `open_` raises nothing changes."""
        began = self._clock.mono_s()
        with self._swapping:
            self._loading += 1
            try:
                engine = open_()
            except GuardianError:
                raise
            except Exception as error:
                raise Bug(f"the model does not load: {type(error).__name__}: {error}") from error
            finally:
                self._loading -= 1
            with self._lock:
                old, self._engine = self._engine, engine
                self._slot_before = old.spec.width * old.spec.height * 3 if old is not None else 0
                old_workers, self._workers = self._workers, []
                told = list(self._cameras)
                self._problem, self._failures = "", 0
            # Where requests run beside each other, one worker more than streams: it reads outputs while every stream is busy.
            for number in range(engine.parallel + 1 if engine.parallel > 1 else 1):
                self._workers.append(_spawn(lambda: self._work(engine), f"worker {number}"))
            ready = engine.ready
            if old is None or old.ready != ready:
                for camera in told:
                    camera.say(ready)
            self._desk.wake()
            if old is not None:
                _join(old_workers)
                old.close()
        took_s = round(self._clock.mono_s() - began, 2)
        _log.info("model_ready", model=ready.model, backend=ready.backend, device=ready.device, took_s=took_s)
        return engine

    def runs(self, engine: Engine) -> bool:
        """Say whether this is the engine that answers."""
        return self._engine is engine

    def stats(self) -> InferenceStats:
        """Return what was done since the last call."""
        rate, latency = self._meter.read()
        with self._lock:
            engine, problem = self._engine, self._problem
            cameras = sum(1 for camera in self._cameras if camera.frames is not None)
        ready = engine.ready if engine is not None else None
        return InferenceStats(
            model=ready.model if ready else "",
            backend=ready.backend if ready else "",
            device=ready.device if ready else "",
            inferences_per_s=round(rate, 2),
            latency_ms=round(latency, 2),
            dropped=self._desk.dropped,
            cameras=cameras,
            error=problem,
            warning=self.warning,
            loading=self._loading > 0,
            hint=engine.spec.option("hint") if engine is not None else "",
            per_camera=self._desk.accounts(),
        )

    def beyond_help(self) -> int:
        """Return the exit code with which this process had better end, or 0: a request that hangs, or nothing but failures."""
        now = self._clock.mono_s()
        if any(now - since_s > HUNG_S for since_s in list(self._busy_since_s.values())):
            return HUNG_EXIT
        return FAILING_EXIT if self._failures >= FAILURES_IN_ROW else 0

    def close(self) -> None:
        """Stop listening, hang up, let the workers finish, release the device."""
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        self._desk.close()
        with self._lock:
            cameras = list(self._cameras)
        for camera in cameras:
            if camera.link is not None:
                camera.link.close()
        _join([*self._threads, *self._workers])
        if self._engine is not None:
            self._engine.close()
        self._path.unlink(missing_ok=True)

    # threads

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            camera = Camera(link=BlockingLink(sock))
            with self._lock:
                self._cameras.add(camera)
                engine = self._engine
            if engine is not None:
                camera.say(engine.ready)
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            self._threads.append(_spawn(lambda camera=camera: self._listen_to(camera), "camera"))  # type: ignore[misc]

    def _listen_to(self, camera: Camera) -> None:
        assert camera.link is not None
        try:
            while True:
                message, _, fd = camera.link.receive_with_fd()
                if isinstance(message, Attach) and fd is not None:
                    self._attach(camera, message, fd)
                elif fd is not None:
                    os.close(fd)
                    raise LinkClosed("a descriptor that nobody asked for")
                elif isinstance(message, InferRequest):
                    fell = self._desk.put(camera, Asked(message, camera.frames))
                    if fell is not None:
                        camera.say(InferReply(fell.request.ticket, error=SKIPPED))
        except LinkClosed:
            pass
        except NotSharedFrames as error:
            _log.warning("camera_refused", camera=camera.name, problem=str(error))
        finally:
            with self._lock:
                self._cameras.discard(camera)
            self._desk.forget(camera)
            camera.link.close()
            if camera.frames is not None:
                camera.frames.close()

    def _attach(self, camera: Camera, message: Attach, fd: int) -> None:
        """Take a camera's memory: its first, or one that fits the model that has replaced another."""
        frames = SharedFrames.attach(fd, message.slots, message.slot_bytes)
        old, camera.name, camera.frames = camera.frames, message.camera, frames
        for gone in self._desk.forget(camera):
            camera.say(InferReply(gone.request.ticket, error=CHANGED))
        if old is not None:
            old.close()

    def _work(self, engine: Engine) -> None:
        while (job := self._desk.take(lambda: self._engine is engine)) is not None:
            seat, asked, waited_s = job
            assert isinstance(seat, Camera)
            began = self._clock.mono_s()
            try:
                pictures = _pictures(engine, asked, self._slot_before)
            except ValueError as error:  # this camera's mistake, nobody else's
                reply = InferReply(asked.request.ticket, error=str(error))
            else:
                reply = self._detect(engine, asked.request, pictures)
            self._desk.done(seat, waited_s, self._clock.mono_s() - began, failed=bool(reply.error))
            seat.say(reply)

    def _detect(self, engine: Engine, request: InferRequest, pictures: NDArray[np.uint8]) -> InferReply:
        began, me = self._clock.mono_s(), threading.get_ident()
        self._busy_since_s[me] = began
        try:
            reply = InferReply(request.ticket, tuple(engine.detect(pictures)))
        except BlockingIOError:
            return InferReply(request.ticket, error=SKIPPED)  # another machine has too much to do
        except ServiceUnavailable as error:
            reply = InferReply(request.ticket, error=error.message)
            self.on_away(error, engine)
        except Exception as error:  # noqa: BLE001 - foreign code: the runtime that `engine.backend` names
            reply = InferReply(request.ticket, error=f"{engine.backend}: {type(error).__name__}: {error}")
        else:
            self._meter.add(request.count, self._clock.mono_s() - began)
        finally:
            del self._busy_since_s[me]
        if reply.error and not self._problem:
            _log.error("inference_failed", problem=reply.error)
        if self._engine is engine:
            self._problem, self._failures = reply.error, self._failures + 1 if reply.error else 0
        return reply


def _spawn(work: Callable[[], None], name: str) -> threading.Thread:
    thread = threading.Thread(target=work, name=f"inference {name}", daemon=True)
    thread.start()
    return thread


def _join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        if thread is not threading.current_thread():
            thread.join(5.0)


def _pictures(engine: Engine, asked: Asked, slot_before: int) -> NDArray[np.uint8]:
    """Return a request's pictures where they lie; ValueError where they do not."""
    height, width = engine.spec.height, engine.spec.width
    if asked.frames is not None and asked.frames.slot_bytes == slot_before != height * width * 3:
        raise ValueError(CHANGED)
    if asked.frames is None or asked.frames.slot_bytes != height * width * 3:
        raise ValueError("pictures are not of the model's size")
    view = asked.frames.view(asked.request.slot, asked.request.count)
    return np.frombuffer(view, np.uint8).reshape(asked.request.count, height, width, 3)


def _listen(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen(64)
    return listener


class Room:
    """The process: its server, its wish, its conductor."""

    def __init__(self, job: InferenceJob, clock: Clock) -> None:
        self._data_dir = Path(job.data_dir)
        self._wish = DetectorSettings.model_validate_json(job.detector_json)
        self._plugins = PluginsSettings.model_validate_json(job.plugins_json)
        if self._wish.memory_mib:
            bound_memory(RLIMIT_SHARE * self._wish.memory_mib << 20)
        self._link = connect(job.conductor_socket)
        self._link.send(Hello("inference", job.name, os.getpid(), job.secret))
        self._server = InferenceServer(Path(job.inference_socket), clock)
        self._server.on_away = self._lost
        self._ending, self._away = threading.Event(), threading.Lock()
        self._clock, self._by_load, self._hint, self._dropped = clock, HintByLoad(), "throughput", 0

    def _open(self, detector: DetectorSettings) -> Engine:
        return engine_for(self._data_dir, detector, self._plugins, self._say, hint=self._hint)

    def _load(self) -> None:
        opened: list[Opened] = []

        def first() -> Engine:
            opened.append(open_or_previous(self._data_dir, self._wish, self._open, self._say))
            return opened[0].engine

        self._server.load(first)
        settle_memory()
        if opened and isinstance(opened[0].fault, ServiceUnavailable):
            self._come_back(self._wish)

    def _lost(self, error: ServiceUnavailable, engine: Engine) -> None:
        """The machine that does the work is away: have the local model stand in, and look for it again."""
        if not self._away.acquire(blocking=False):
            return
        if self._server.runs(engine):
            _spawn(lambda: self._stand_in(error), "stand-in")
        else:
            self._away.release()  # this worker was told late: another model has taken over already

    def _stand_in(self, error: ServiceUnavailable) -> None:
        wish = self._wish
        try:
            self._server.use(lambda: stand_in(self._data_dir, wish, error, self._open, self._say).engine)
        except GuardianError:
            pass  # the remote one stays the engine: its next request tells again
        finally:
            self._away.release()
        self._come_back(wish)

    def _come_back(self, wish: DetectorSettings) -> None:
        """Until it is there again, or another was wished, try to have what the settings name."""
        while not self._ending.wait(RETRY_S) and self._wish is wish:
            try:
                self._server.use(lambda: self._open(wish))
            except GuardianError:
                continue
            self._server.warning = ""
            _log.info("detector_back", backend=wish.backend)
            return

    def _adapt(self, stats: InferenceStats) -> None:
        """Where the hint is left to us, run the same model with the one that suits the load."""
        skipped, self._dropped = stats.dropped - self._dropped, stats.dropped
        if self._wish.hint != AUTO or stats.loading or not stats.hint or self._server.warning:
            return
        share = stats.inferences_per_s * stats.latency_ms / 1000
        hint = self._by_load.next(self._clock.mono_s(), stats.hint, stats.device, share, skipped)
        if hint != stats.hint:
            self._hint = hint
            _spawn(self._use_hint, "hint")

    def _say(self, text: str) -> None:
        _log.warning("runtime_fallback", problem=text)
        self._server.warning = text

    def _use_hint(self) -> None:
        try:
            self._server.use(lambda: self._open(self._wish))
        except GuardianError as error:
            _log.warning("hint_not_used", problem=error.message)

    def run(self) -> int:
        """Report until told to end, or the conductor has gone; return the exit code."""
        _spawn(self._obey, "conductor")
        _spawn(self._load, "load")
        try:
            while not self._ending.is_set():
                stats = self._server.stats()
                self._link.send(stats)
                self._adapt(stats)
                if code := self._server.beyond_help():
                    _log.error(
                        "inference_ends_itself", problem="a request hangs" if code == HUNG_EXIT else "nothing but failures"
                    )
                    return code
                self._ending.wait(REPORT_EVERY_S)
        except LinkClosed:
            pass  # the conductor has gone: so do we
        self._server.close()
        self._link.close()
        return 0

    def _obey(self) -> None:
        try:
            while not isinstance(message := self._link.receive()[0], Stop):
                if isinstance(message, UseDetector):
                    _spawn(lambda message=message: self._use(message), "swap")  # type: ignore[misc]
        except LinkClosed:
            pass
        self._ending.set()

    def _use(self, message: UseDetector) -> None:
        before, self._server.warning = self._server.warning, ""
        try:
            wish = DetectorSettings.model_validate_json(message.detector_json)
            self._server.use(lambda: self._open(wish))
        except GuardianError as error:
            self._server.warning = before
            used = DetectorUsed(message.ticket, error.code, error.message, error.field, error.cure)
        else:
            self._wish = wish
            remember(self._data_dir, wish)
            used = DetectorUsed(message.ticket)
        try:
            self._link.send(self._server.stats())  # ahead of the answer: whoever asked is told what runs now
            self._link.send(used)
        except LinkClosed:
            pass


def main(job: InferenceJob) -> None:
    """Run until the conductor says stop, or has gone."""
    set_up_logs(as_json=job.log_json)
    harden()  # it holds no key, but pictures
    if code := Room(job, SystemClock()).run():
        os._exit(code)  # a thread that hangs in foreign code would keep an orderly end from coming
