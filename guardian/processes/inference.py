"""The inference process: one model for all cameras.

Each camera connects, is told the model, hands over shared memory, and asks. Workers take one request after another, a
camera at a time in turn; of what waits too long only the latest is looked at. Blocking threads; nothing here decodes video.
"""

from __future__ import annotations

import os
import socket
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray

from guardian.detect.catalogue import Catalogue
from guardian.detect.engine import Engine, open_engine
from guardian.interfaces import DetectorKind
from guardian.model.errors import GuardianError
from guardian.model.messages import Attach, Hello, InferenceJob, InferenceStats, InferReply, InferRequest, ModelReady, Stop
from guardian.platform.clock import Clock, SystemClock
from guardian.platform.files import make_private_dir
from guardian.platform.ipc import BlockingLink, LinkClosed, connect
from guardian.platform.limits import harden, settle_memory
from guardian.platform.logs import set_up_logs
from guardian.platform.shared_frames import NotSharedFrames, SharedFrames
from guardian.pluginhost.discovery import discover
from guardian.pluginhost.manifest import read_manifest
from guardian.pluginhost.registry import ContextMaker, PluginRegistry
from guardian.settings.schema import DetectorSettings, PluginsSettings

_log = structlog.get_logger(__name__)
WAITING_PER_CAMERA = 2  # full: the oldest is answered as skipped; two keep a worker busy while the next picture is made
SKIPPED = "skipped: a newer picture came first"
REPORT_EVERY_S = 2.0


@dataclass(eq=False, slots=True)
class Camera:
    """One connection."""

    link: BlockingLink
    name: str = ""
    frames: SharedFrames | None = None
    waiting: deque[InferRequest] = field(default_factory=deque)


class Desk:
    """Requests of all cameras and the turn of each. Thread-safe, without any I/O."""

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._turn: deque[Camera] = deque()  # cameras with something waiting; the first is next
        self._closed = False
        self.dropped = 0

    def put(self, camera: Camera, request: InferRequest) -> InferRequest | None:
        """Add a request; returns the one that fell out for it."""
        with self._ready:
            fell = camera.waiting.popleft() if len(camera.waiting) >= WAITING_PER_CAMERA else None
            if fell is not None:
                self.dropped += 1
            if not camera.waiting and camera not in self._turn:
                self._turn.append(camera)
            camera.waiting.append(request)
            self._ready.notify()
        return fell

    def take(self) -> tuple[Camera, InferRequest] | None:
        """Wait for the next request: cameras in turn, each its oldest first. None once closed."""
        with self._ready:
            while not self._turn:
                if self._closed:
                    return None
                self._ready.wait()
            camera = self._turn.popleft()
            request = camera.waiting.popleft()
            if camera.waiting:
                self._turn.append(camera)
            return camera, request

    def forget(self, camera: Camera) -> None:
        """A camera has gone."""
        with self._ready:
            camera.waiting.clear()
            if camera in self._turn:
                self._turn.remove(camera)

    def close(self) -> None:
        """Let every worker go once nothing waits."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()


class Meter:
    """Counts what was looked at. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._since_s, self._pictures, self._busy_s, self._calls = clock.mono_s(), 0, 0.0, 0

    def add(self, pictures: int, took_s: float) -> None:
        """One request was answered."""
        with self._lock:
            self._pictures += pictures
            self._busy_s += took_s
            self._calls += pictures

    def read(self) -> tuple[float, float]:
        """Return pictures a second and milliseconds a picture since the last reading."""
        with self._lock:
            now = self._clock.mono_s()
            passed = max(1e-6, now - self._since_s)
            rate, latency = self._pictures / passed, 1000 * self._busy_s / self._calls if self._calls else 0.0
            self._since_s, self._pictures, self._busy_s, self._calls = now, 0, 0.0, 0
        return rate, latency


class InferenceServer:
    """Listens, loads the model, answers. `open` returns an engine or raises GuardianError: then cameras wait unanswered."""

    def __init__(self, socket_path: Path, open_: Callable[[], Engine], clock: Clock) -> None:
        self._path, self._open, self._clock = socket_path, open_, clock
        self._desk, self._meter = Desk(), Meter(clock)
        self._cameras: set[Camera] = set()
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._ready: ModelReady | None = None
        self._problem = "the model is being loaded"
        self._threads: list[threading.Thread] = []
        self._listener = _listen(socket_path)
        self._spawn(self._accept, "accept")

    def _spawn(self, work: Callable[[], None], name: str) -> None:
        thread = threading.Thread(target=work, name=f"inference {name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def load(self) -> None:
        """Make the engine and begin to answer; a failure is kept as the problem that `stats` tells."""
        began = self._clock.mono_s()
        try:
            engine = self._open()
        except GuardianError as error:
            self._problem = f"{error.message} {error.cure}".strip()
            _log.error("detection_off", problem=error.message, cure=error.cure)
            return
        ready = engine.ready
        with self._lock:
            self._engine, self._ready, self._problem = engine, ready, ""
            waiting = list(self._cameras)
        for camera in waiting:
            self._greet(camera)
        # Where requests run beside each other, one worker more than streams: it reads outputs while every stream is busy.
        for number in range(engine.parallel + 1 if engine.parallel > 1 else 1):
            self._spawn(lambda: self._work(engine), f"worker {number}")
        _log.info(
            "model_ready",
            model=ready.model,
            backend=ready.backend,
            device=ready.device,
            took_s=round(self._clock.mono_s() - began, 2),
        )

    def stats(self) -> InferenceStats:
        """Return what was done since the last call."""
        rate, latency = self._meter.read()
        ready, dropped = self._ready, self._desk.dropped
        with self._lock:
            cameras = sum(1 for camera in self._cameras if camera.frames is not None)
        if ready is None:
            return InferenceStats("", "", "", 0.0, 0.0, dropped, cameras, self._problem)
        return InferenceStats(
            ready.model, ready.backend, ready.device, round(rate, 2), round(latency, 2), dropped, cameras, self._problem
        )

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
            camera.link.close()
        for thread in list(self._threads):
            if thread is not threading.current_thread():
                thread.join(5.0)
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
            camera = Camera(BlockingLink(sock))
            with self._lock:
                self._cameras.add(camera)
                greet = self._ready is not None
            if greet:
                self._greet(camera)
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            self._spawn(lambda camera=camera: self._listen_to(camera), "camera")  # type: ignore[misc]

    def _greet(self, camera: Camera) -> None:
        assert self._ready is not None
        try:
            camera.link.send(self._ready)
        except LinkClosed:
            pass

    def _listen_to(self, camera: Camera) -> None:
        try:
            while True:
                message, _, fd = camera.link.receive_with_fd()
                if isinstance(message, Attach) and fd is not None and camera.frames is None:
                    camera.name, camera.frames = message.camera, SharedFrames.attach(fd, message.slots, message.slot_bytes)
                elif fd is not None:
                    os.close(fd)
                    raise LinkClosed("a descriptor that nobody asked for")
                elif isinstance(message, InferRequest) and (fell := self._desk.put(camera, message)) is not None:
                    camera.link.send(InferReply(fell.ticket, error=SKIPPED))
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

    def _work(self, engine: Engine) -> None:
        while (job := self._desk.take()) is not None:
            camera, request = job
            try:
                pictures = _pictures(engine, camera, request)
            except ValueError as error:  # this camera's mistake, nobody else's
                reply = InferReply(request.ticket, error=str(error))
            else:
                reply = self._detect(engine, request, pictures)
            try:
                camera.link.send(reply)
            except LinkClosed:
                pass

    def _detect(self, engine: Engine, request: InferRequest, pictures: NDArray[np.uint8]) -> InferReply:
        began = self._clock.mono_s()
        try:
            reply = InferReply(request.ticket, tuple(engine.detect(pictures)))
        except Exception as error:  # noqa: BLE001 - foreign code: the runtime that `engine.backend` names
            reply = InferReply(request.ticket, error=f"{engine.backend}: {type(error).__name__}: {error}")
        else:
            self._meter.add(request.count, self._clock.mono_s() - began)
        if reply.error and not self._problem:
            _log.error("inference_failed", problem=reply.error)
        self._problem = reply.error
        return reply


def _pictures(engine: Engine, camera: Camera, request: InferRequest) -> NDArray[np.uint8]:
    """Return a request's pictures where they lie; ValueError where they do not."""
    height, width = engine.spec.height, engine.spec.width
    if camera.frames is None or camera.frames.slot_bytes != height * width * 3:
        raise ValueError("pictures are not of the model's size")
    view = camera.frames.view(request.slot, request.count)
    return np.frombuffer(view, np.uint8).reshape(request.count, height, width, 3)


def _listen(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen(64)
    return listener


def engine_for(data_dir: Path, detector: DetectorSettings, plugins: PluginsSettings, say: Callable[[str], None]) -> Engine:
    """Find the model that the settings name and load it with the runtime they wish, or the best there is."""
    models = data_dir / "models"
    spec = Catalogue(models).find(detector.model)
    cache = models / "cache"
    make_private_dir(cache)
    more = (("cache_dir", str(cache)), *((("threads", str(detector.threads)),) if detector.threads else ()))
    kinds = runtimes(data_dir, plugins)
    return open_engine(
        replace(spec, options=spec.options + more), kinds, backend=detector.backend, device=detector.device, say=say
    )


def runtimes(data_dir: Path, plugins: PluginsSettings) -> tuple[DetectorKind, ...]:
    """Load those plugins only whose manifest offers a detector, and return their runtimes, the preferred first."""
    names = set()
    for found in discover():
        try:
            if any(offer.startswith("detector:") for offer in read_manifest(found.package).provides):
                names.add(found.name)
        except GuardianError:
            continue
    return PluginRegistry(plugins, ContextMaker(data_dir), only=frozenset(names)).detectors_by_rank()


def main(job: InferenceJob) -> None:
    """Run until the conductor says stop, or has gone."""
    set_up_logs(as_json=job.log_json)
    harden()  # it holds no key, but pictures
    clock = SystemClock()
    detector = DetectorSettings.model_validate_json(job.detector_json)
    plugins = PluginsSettings.model_validate_json(job.plugins_json)
    link = connect(job.conductor_socket)
    link.send(Hello("inference", job.name, os.getpid(), job.secret))
    server = InferenceServer(
        Path(job.inference_socket),
        lambda: engine_for(
            Path(job.data_dir), detector, plugins, lambda text: _log.warning("runtime_fallback", problem=text)
        ),
        clock,
    )
    ending = threading.Event()
    threading.Thread(target=_until_stop, args=(link, ending), name="conductor", daemon=True).start()
    try:
        server.load()
        settle_memory()
        while True:
            link.send(server.stats())
            if ending.wait(REPORT_EVERY_S):
                break
    except LinkClosed:
        pass  # the conductor has gone: so do we
    finally:
        server.close()
        link.close()


def _until_stop(link: BlockingLink, ending: threading.Event) -> None:
    try:
        while not isinstance(link.receive()[0], Stop):
            pass
    except LinkClosed:
        pass
    ending.set()
