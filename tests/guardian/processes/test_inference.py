"""The inference process: turns, latest wins, greeting before and after the model is loaded, cameras that misbehave, real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections import deque
from dataclasses import replace

import numpy as np
import pytest

from guardian.detect import client as client_module
from guardian.detect.client import InferenceClient
from guardian.detect.desk import Desk
from guardian.detect.engine import Engine
from guardian.model.errors import BadSetting, GuardianError, ServiceUnavailable
from guardian.model.messages import Attach, Hello, InferenceJob, InferenceStats, InferReply, InferRequest, ModelReady, Stop
from guardian.platform.clock import SystemClock
from guardian.platform.ipc import AsyncLink, BlockingLink, LinkClosed, connect
from guardian.platform.shared_frames import SharedFrames
from guardian.processes import engines, inference
from guardian.processes.inference import SKIPPED, Asked, Camera, InferenceServer
from guardian.processes.spawning import start_process
from guardian.settings.schema import DetectorSettings, PluginsSettings
from tests.guardian.detect.test_client import until
from tests.guardian.detect.test_engine import HERE, SPEC, rows
from tests.support.detectors import OPENVINO, FakeDetector

BLANK = np.zeros((100, 100, 3), np.uint8)


def cameras(*names):
    return [Camera(name=name) for name in names]


def ask(ticket):
    return Asked(InferRequest(ticket, 0, 1))


class TestDesk:
    def test_cameras_take_turns_however_much_one_asks(self):
        desk, (a, b, c) = Desk(SystemClock()), cameras("a", "b", "c")
        for camera, ticket in ((a, 1), (a, 2), (b, 3), (b, 4), (c, 5)):
            desk.put(camera, ask(ticket))
        assert [desk.take()[1].request.ticket for _ in range(5)] == [1, 3, 5, 2, 4]

    def test_the_latest_wins_and_the_fallen_one_is_told(self):
        desk, (a,) = Desk(SystemClock()), cameras("a")
        fell = [desk.put(a, ask(ticket)) for ticket in range(5)]
        assert [asked and asked.request.ticket for asked in fell] == [None, None, 0, 1, 2]
        assert desk.dropped == 3
        assert [desk.take()[1].request.ticket for _ in range(2)] == [3, 4]

    def test_a_busy_camera_does_not_push_out_a_quiet_one(self):
        desk, (busy, quiet) = Desk(SystemClock()), cameras("busy", "quiet")
        desk.put(quiet, ask(100))
        for ticket in range(50):
            desk.put(busy, ask(ticket))
        assert desk.take()[1].request.ticket == 100

    def test_a_camera_that_went_is_forgotten(self):
        desk, (a, b) = Desk(SystemClock()), cameras("a", "b")
        desk.put(a, ask(1))
        desk.put(b, ask(2))
        desk.forget(a)
        assert desk.take()[1].request.ticket == 2
        desk.close()
        assert desk.take() is None

    def test_close_wakes_who_waits(self):
        desk, got = Desk(SystemClock()), []
        thread = threading.Thread(target=lambda: got.append(desk.take()))
        thread.start()
        desk.close()
        thread.join(5)
        assert got == [None]


class Gate(FakeDetector):
    """A detector that looks only when it is let."""

    def __init__(self):
        super().__init__(rows(("person", 0.9, HERE)))
        self.let = threading.Semaphore(0)
        self.asked = 0

    def infer(self, batch):
        self.asked += 1
        assert self.let.acquire(timeout=10)
        return super().infer(batch)


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(client_module, "RETRY_S", 0.02)
    return tmp_path / "inference.sock"


@pytest.fixture
def served(path):
    detector = FakeDetector(rows(("person", 0.9, HERE)))
    server = InferenceServer(path, SystemClock())
    server.load(lambda: Engine(SPEC, detector, "fake"))
    server.detector = detector
    yield server
    server.close()


def client_of(path, camera="front", slots=8):
    client = InferenceClient(str(path), camera, SystemClock(), slots=slots)
    until(lambda: client.model is not None)
    return client


def test_through_shared_memory_and_back(path, served):
    client, answers = client_of(path), []
    picture = np.arange(30000, dtype=np.uint32).astype(np.uint8).reshape(100, 100, 3)
    assert client.submit([picture, BLANK], answers.append)
    until(lambda: answers)
    assert [[d.label for d in found] for found in answers[0].detections] == [["person"], ["person"]]
    assert (served.detector.seen[0][0] == picture).all()
    assert (served.detector.seen[0][1] == 0).all()
    stats = served.stats()
    assert (stats.model, stats.backend, stats.cameras, stats.error) == ("test", "fake", 1, "")
    assert stats.inferences_per_s > 0
    assert served.stats().inferences_per_s == 0
    client.close()
    until(lambda: served.stats().cameras == 0)


def test_a_camera_that_comes_before_the_model_is_told_when_it_is_there(path):
    server = InferenceServer(path, SystemClock())
    client = InferenceClient(str(path), "front", SystemClock())
    assert server.stats().error == "the model is being loaded"
    assert client.model is None
    server.load(lambda: Engine(SPEC, FakeDetector(rows()), "fake"))
    until(lambda: client.model is not None)
    assert client.model.model == "test"
    assert not client.model.labels[3:]
    client.close()
    server.close()


def test_no_model_is_said_and_nobody_is_left_hanging(path):
    def refuse():
        raise ServiceUnavailable("no runtime", cure="Install one.")

    server = InferenceServer(path, SystemClock())
    server.load(refuse)
    client = InferenceClient(str(path), "front", SystemClock())
    assert server.stats().error == "No runtime. Install one."
    assert not client.submit([BLANK], lambda _: None)
    client.close()
    server.close()


def test_overload_looks_at_the_latest_and_answers_every_request(path):
    gate = Gate()
    server = InferenceServer(path, SystemClock())
    server.load(lambda: Engine(SPEC, gate, "fake"))
    client, answers = client_of(path, slots=8), deque()
    assert client.submit([np.full_like(BLANK, 0)], answers.append)
    until(lambda: gate.asked == 1)  # the worker has taken the first
    for value in range(1, 7):
        assert client.submit([np.full_like(BLANK, value)], answers.append)
    until(lambda: len(answers) == 4)
    assert {reply.error for reply in answers} == {SKIPPED}
    for _ in range(3):
        gate.let.release()
    until(lambda: len(answers) == 7)
    assert [int(batch[0, 0, 0, 0]) for batch in gate.seen] == [0, 5, 6]
    assert server.stats().dropped == 4
    client.close()
    server.close()


def test_a_runtime_that_fails_is_reported_and_the_next_request_works(path, served):
    client, answers = client_of(path), []
    good = served.detector.outputs
    served.detector.outputs = RuntimeError("device lost")
    assert client.submit([BLANK], answers.append)
    until(lambda: len(answers) == 1)
    assert "device lost" in answers[0].error
    assert "device lost" in served.stats().error
    served.detector.outputs = good
    assert client.submit([BLANK], answers.append)
    until(lambda: len(answers) == 2)
    assert answers[1].error == ""
    until(lambda: served.stats().error == "")
    client.close()


def test_a_request_outside_of_the_memory_gets_an_error(path, served):
    link = connect(str(path))
    assert isinstance(link.receive()[0], ModelReady)
    link.send(InferRequest(1, 0, 1))
    assert "not of the model's size" in link.receive()[0].error
    frames = SharedFrames.create(2, 30000)
    link.send(Attach("front", 2, 30000), fd=frames.fd)
    for ticket, (slot, count) in enumerate(((2, 1), (-1, 1), (0, 3), (0, 0), (0, -1))):
        link.send(InferRequest(ticket, slot, count))
        assert "slots" in link.receive()[0].error
    link.send(InferRequest(9, 1, 1))
    assert link.receive()[0].error == ""
    link.close()
    frames.close()


@pytest.mark.parametrize(
    "what", ["rubbish", "memory that can shrink", "lies about size", "a descriptor that nobody asked for"]
)
def test_a_camera_that_misbehaves_is_hung_up_on_and_others_go_on(path, served, what):
    other, answers = client_of(path, "other"), []
    assert other.submit([BLANK], answers.append)
    until(lambda: answers)  # from here on it holds all the descriptors it will
    answers.clear()
    before = len(os.listdir("/proc/self/fd"))
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(5)
    sock.connect(str(path))
    link = BlockingLink(sock)
    link.receive()
    if what == "rubbish":
        sock.sendall(b"\0\0\0\5\0\0\0\0hello")
    elif what == "memory that can shrink":
        fd = os.memfd_create("x")
        os.ftruncate(fd, 60000)
        link.send(Attach("bad", 2, 30000), fd=fd)
        os.close(fd)
    else:
        frames = SharedFrames.create(1, 30000)
        if what == "a descriptor that nobody asked for":
            link.send(InferRequest(1, 0, 1), fd=frames.fd)
        else:
            link.send(Attach("bad", 2, 30000), fd=frames.fd)
        frames.close()
    with pytest.raises(LinkClosed):
        link.receive()
    link.close()
    until(lambda: len(os.listdir("/proc/self/fd")) <= before)
    assert other.submit([BLANK], answers.append)
    until(lambda: answers)
    assert answers[0].error == ""
    other.close()


def test_engine_for_finds_the_default_and_keeps_its_cache_in_the_data_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(engines, "runtimes", lambda *_: (OPENVINO,))
    engine = engines.engine_for(tmp_path, DetectorSettings(threads=1), PluginsSettings(), lambda _: None)
    assert engine.ready.model == "default"
    assert engine.parallel == 1
    assert list((tmp_path / "models" / "cache").iterdir())
    engine.close()


# another model beside it


BIG = replace(SPEC, name="big", width=200, height=120)


def test_a_model_is_swapped_for_one_of_another_size_and_cameras_stay_connected(path, served):
    client, answers = client_of(path), []
    link = client._link
    assert client.submit([BLANK], answers.append)
    until(lambda: answers)
    served.use(lambda: Engine(BIG, FakeDetector(rows(("car", 0.9, HERE))), "fake"))
    until(lambda: client.model is not None and client.model.model == "big")
    assert (client.model.width, client.model.height) == (200, 120)
    assert client._link is link
    assert served.detector.closed
    assert not client.submit([BLANK], answers.append)  # made for the model before
    with pytest.raises(ValueError, match="the model wants"):
        client.submit([np.zeros((7, 7, 3), np.uint8)], answers.append)
    assert client.submit([np.zeros((120, 200, 3), np.uint8)], answers.append)
    until(lambda: len(answers) == 2)
    assert [d.label for d in answers[1].detections[0]] == ["car"]
    assert served.stats().model == "big"
    client.close()


def test_requests_of_before_and_after_a_swap_are_all_answered(path, served):
    client, answers, asked = client_of(path), deque(), 0
    for number in range(40):
        size = client.model.height, client.model.width, 3 if client.model else 0
        asked += client.submit([np.zeros(size, np.uint8)], answers.append)
        if number in (10, 25):
            spec = BIG if number == 10 else SPEC
            served.use(lambda spec=spec: Engine(spec, FakeDetector(rows(("person", 0.9, HERE))), "fake"))
            until(lambda spec=spec: client.model is not None and client.model.model == spec.name)
    until(lambda: len(answers) == asked)
    assert {reply.error for reply in answers} <= {"", SKIPPED, "the model was changed meanwhile"}
    account = served.stats().per_camera[0]
    assert account.asked == account.answered + account.skipped + account.failed
    client.close()


@pytest.mark.parametrize("fault", [BadSetting("wrong outputs", field="family"), RuntimeError("out of device memory")])
def test_a_model_that_does_not_load_leaves_the_one_before_running(path, served, fault):
    def refuse():
        raise fault

    client, answers = client_of(path), []
    with pytest.raises(GuardianError, match=str(fault)):
        served.use(refuse)
    assert client.submit([BLANK], answers.append)
    until(lambda: answers)
    assert (answers[0].error, served.stats().model, served.stats().loading) == ("", "test", False)
    client.close()


def test_what_each_camera_asked_and_got_is_counted(path):
    gate = Gate()
    server = InferenceServer(path, SystemClock())
    server.load(lambda: Engine(SPEC, gate, "fake"))
    client, quiet, answers = client_of(path), client_of(path, "quiet"), deque()
    assert client.submit([BLANK], answers.append)
    until(lambda: gate.asked == 1)
    for _ in range(4):
        assert client.submit([BLANK], answers.append)
    assert quiet.submit([BLANK], answers.append)
    until(lambda: len(answers) == 2)  # those that fell out
    for _ in range(4):
        gate.let.release()
    until(lambda: len(answers) == 6)
    front, other = server.stats().per_camera
    assert (front.camera, front.asked, front.answered, front.skipped, front.failed) == ("front", 5, 3, 2, 0)
    assert (other.camera, other.asked, other.answered, other.skipped) == ("quiet", 1, 1, 0)
    assert 0 <= front.wait_ms[0] <= front.wait_ms[1]
    assert 0 < front.infer_ms[0] <= front.infer_ms[1]
    for one in (client, quiet):
        one.close()
    server.close()


def test_a_request_that_hangs_or_nothing_but_failures_is_beyond_help(path, served, monkeypatch):
    client, answers = client_of(path), []
    served.detector.outputs = RuntimeError("device lost")
    for number in range(inference.FAILURES_IN_ROW):
        assert served.beyond_help() == 0
        assert client.submit([BLANK], answers.append)
        until(lambda number=number: len(answers) == number + 1)
    until(lambda: served.beyond_help() == inference.FAILING_EXIT)
    client.close()
    gate = Gate()
    served.use(lambda: Engine(SPEC, gate, "fake"))
    assert served.beyond_help() == 0
    client = client_of(path)
    assert client.submit([BLANK], answers.append)
    until(lambda: gate.asked == 1)
    assert served.beyond_help() == 0
    monkeypatch.setattr(inference, "HUNG_S", 0.05)
    until(lambda: served.beyond_help() == inference.HUNG_EXIT)
    gate.let.release()
    client.close()


# the process itself


@pytest.fixture
def entry_points(tmp_path, monkeypatch):
    """Let a process that runs from the source tree see the plugins' entry points, as an installed one does."""
    folder = tmp_path / "site" / "private_ai_guardian-0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: private-ai-guardian\nVersion: 0\n")
    (folder / "entry_points.txt").write_text(
        "[guardian.plugins]\nopenvino = guardian_openvino:OpenVinoPlugin\nonnxruntime = guardian_onnxruntime:OnnxRuntimePlugin\n"
    )
    import sys

    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))


async def test_the_process_says_hello_then_stats_serves_and_ends_when_told(tmp_path, path, entry_points):
    inbox: asyncio.Queue[object] = asyncio.Queue()
    links = []

    async def accept(reader, writer):
        link = AsyncLink(reader, writer)
        links.append(link)
        try:
            while True:
                inbox.put_nowait((await link.receive())[0])
        except LinkClosed:
            inbox.put_nowait(None)
            await link.close()

    conductor = await asyncio.start_unix_server(accept, str(tmp_path / "conductor.sock"))
    job = InferenceJob(
        name="detector",
        data_dir=str(tmp_path / "data"),
        detector_json=DetectorSettings().model_dump_json(),
        plugins_json=PluginsSettings().model_dump_json(),
        conductor_socket=str(tmp_path / "conductor.sock"),
        inference_socket=str(path),
        secret="s",
    )
    process = await asyncio.to_thread(start_process, "guardian.processes.inference:main", job, "inference")
    try:
        async with asyncio.timeout(30):
            assert await inbox.get() == Hello("inference", "detector", process.pid, "s")
            while (stats := await inbox.get()).loading or not stats.model:
                assert isinstance(stats, InferenceStats)
            assert (stats.model, stats.backend, stats.error) == ("default", "openvino", "")
            client = await asyncio.to_thread(client_of, path)
            answers: list[InferReply] = []
            assert client.submit([np.full((300, 300, 3), 128, np.uint8)], answers.append)
            await asyncio.to_thread(until, lambda: answers)
            assert answers[0].error == ""
            while (await inbox.get()).inferences_per_s == 0:
                pass
            links[0].send(Stop())
            while await inbox.get() is not None:
                pass
        await asyncio.to_thread(process.join, 10)
        assert process.exitcode == 0
        assert not path.exists()
        await asyncio.to_thread(client.close)
    finally:
        process.kill()
        conductor.close()


async def test_it_ends_by_itself_when_the_conductor_has_gone(tmp_path, path, entry_points):
    hello = asyncio.Event()

    async def accept(reader, writer):
        await AsyncLink(reader, writer).receive()
        writer.close()
        hello.set()

    conductor = await asyncio.start_unix_server(accept, str(tmp_path / "conductor.sock"))
    job = InferenceJob("d", str(tmp_path), "{}", "{}", str(tmp_path / "conductor.sock"), str(path), "s")
    process = await asyncio.to_thread(start_process, "guardian.processes.inference:main", job, "inference")
    try:
        await asyncio.wait_for(hello.wait(), 20)
        await asyncio.to_thread(process.join, 20)
        assert process.exitcode == 0
    finally:
        os.kill(process.pid, signal.SIGKILL) if process.exitcode is None else None
        conductor.close()


def test_while_another_machine_is_away_the_local_model_stands_in_and_it_comes_back(tmp_path, path, monkeypatch):
    monkeypatch.setattr(inference, "RETRY_S", 0.05)
    monkeypatch.setattr(inference, "remember", lambda *_: None)
    away = threading.Event()
    far = FakeDetector(rows(("car", 0.9, HERE)))
    asked = []

    class Far(FakeDetector):
        spec = BIG

        def __init__(self):
            if away.is_set():
                raise ServiceUnavailable("it is away")
            super().__init__(far.outputs)

        def infer(self, batch):
            if away.is_set():
                raise ServiceUnavailable("it is away")
            return super().infer(batch)

    def open_(wish):
        asked.append(wish.backend)
        return Engine(BIG, Far(), "remote") if wish.backend == "remote" else Engine(SPEC, FakeDetector(rows()), "fake")

    room = inference.Room.__new__(inference.Room)
    room._data_dir, room._wish = tmp_path, DetectorSettings(backend="remote")
    room._ending, room._away, room._open = threading.Event(), threading.Lock(), open_
    room._server = server = InferenceServer(path, SystemClock())
    server.on_away = room._lost
    room._load()
    assert server.stats().backend == "remote"
    client, answers = client_of(path), []
    assert client.submit([np.zeros((120, 200, 3), np.uint8)], answers.append)
    until(lambda: answers)
    away.set()
    assert client.submit([np.zeros((120, 200, 3), np.uint8)], answers.append)
    until(lambda: server.stats().backend == "fake")
    assert "It is away" in server.stats().warning
    until(lambda: client.model is not None and client.model.model == "test")
    until(lambda: not room._away.locked())
    room._lost(ServiceUnavailable("told late"), Engine(BIG, FakeDetector(rows()), "remote"))  # of an engine that ran before
    assert not room._away.locked()
    assert asked.count("remote") == 1
    assert client.submit([BLANK], answers.append)
    away.clear()
    until(lambda: server.stats().backend == "remote")
    until(lambda: server.stats().warning == "")
    room._ending.set()
    client.close()
    server.close()
