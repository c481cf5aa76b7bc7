"""The camera's side: never blocks, comes back by itself, answers everything that was accepted exactly once."""

import contextlib
import os
import socket
import threading
import time

import numpy as np
import pytest

from guardian.detect import client as client_module
from guardian.detect.client import InferenceClient, LocalInference
from guardian.detect.engine import Engine
from guardian.model.messages import Attach, InferReply, InferRequest, ModelReady
from guardian.model.vision import Box, Detection
from guardian.platform.clock import SystemClock
from guardian.platform.ipc import BlockingLink, LinkClosed
from guardian.platform.shared_frames import SharedFrames
from tests.guardian.detect.test_engine import HERE, SPEC, rows
from tests.support.detectors import FakeDetector

READY = ModelReady("m", "b", "d", 4, 2, "rgb", 0, ("person",))
SEEN = ((Detection("person", 0.9, Box(0, 0, 1, 1)),),)


def until(condition, within_s=5.0):
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


class Server:
    """The other side by hand: accepts, greets, and answers only when told."""

    def __init__(self, path):
        path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(path))
        self.listener.listen(4)
        self.link = None

    def accept(self, ready=READY):
        sock, _ = self.listener.accept()
        self.link = BlockingLink(sock)
        self.link.send(ready)
        attach, _, fd = self.link.receive_with_fd()
        assert isinstance(attach, Attach)
        self.attach = attach
        self.frames = SharedFrames.attach(fd, attach.slots, attach.slot_bytes)

    def request(self):
        message, _ = self.link.receive()
        assert isinstance(message, InferRequest)
        return message

    def close(self):
        if self.link is not None:
            self.link.close()
            self.frames.close()
        self.listener.close()


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(client_module, "RETRY_S", 0.02)
    return tmp_path / "inference.sock"


@pytest.fixture
def pair(place):
    server = Server(place)
    client = InferenceClient(str(place), "front", SystemClock(), slots=4)
    server.accept()
    until(lambda: client.model is not None)
    yield client, server
    client.close()
    server.close()


def pictures(count=1, value=7):
    return [np.full((2, 4, 3), value + i, np.uint8) for i in range(count)]


def test_pictures_arrive_and_answers_come_back(pair):
    client, server = pair
    answers = []
    assert server.attach == Attach("front", 4, 24)
    assert client.model == READY
    assert client.submit(pictures(2, value=7), answers.append)
    request = server.request()
    assert request.count == 2
    assert bytes(server.frames.view(request.slot, 2)) == bytes([7] * 24 + [8] * 24)
    server.link.send(InferReply(request.ticket, SEEN * 2))
    until(lambda: answers)
    assert answers == [InferReply(request.ticket, SEEN * 2)]


def test_full_is_false_and_room_comes_back_with_an_answer(pair):
    client, server = pair
    answers = []
    assert client.submit(pictures(3), answers.append)
    assert not client.submit(pictures(2), answers.append)
    assert client.submit(pictures(1), answers.append)
    assert not client.submit(pictures(1), answers.append)
    server.link.send(InferReply(server.request().ticket, SEEN * 3))
    until(lambda: answers)
    assert client.submit(pictures(3), answers.append)


def test_not_connected_is_false(place):
    client = InferenceClient(str(place), "front", SystemClock())
    assert client.model is None
    assert not client.submit(pictures(), lambda _: None)
    client.close()


def test_connected_but_the_model_is_not_loaded_is_false(place):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(place))
    listener.listen()
    client = InferenceClient(str(place), "front", SystemClock())
    sock, _ = listener.accept()
    assert not client.submit(pictures(), lambda _: None)
    began = time.monotonic()
    client.close()
    assert time.monotonic() - began < 2
    sock.close()
    listener.close()


def test_death_of_the_other_side_answers_with_an_error_and_it_connects_again(place, pair):
    client, server = pair
    answers = []
    assert client.submit(pictures(), answers.append)
    assert client.submit(pictures(), answers.append)
    server.close()
    until(lambda: len(answers) == 2)
    assert all(reply.error and not reply.detections for reply in answers)
    until(lambda: client.model is None)
    again = Server(place)
    again.accept(ModelReady("other", "b", "d", 2, 2, "bgr", 0, ()))
    until(lambda: client.model is not None)
    assert client.model.model == "other"
    assert client.submit([np.zeros((2, 2, 3), np.uint8)], answers.append)
    again.link.send(InferReply(again.request().ticket, SEEN))
    until(lambda: len(answers) == 3)
    assert answers[2].error == ""
    again.close()


def test_one_that_hangs_is_given_up(pair, monkeypatch):
    client, server = pair
    monkeypatch.setattr(client_module, "LATEST_ANSWER_S", 0.1)
    answers = []
    assert client.submit(pictures(), answers.append)
    until(lambda: answers)
    assert "did not answer" in answers[0].error
    server.link.close()


def test_wrong_size_is_an_error_of_the_caller_and_costs_no_room(pair):
    client, _ = pair
    for _ in range(20):
        with pytest.raises(ValueError, match="the model wants"):
            client.submit([np.zeros((3, 3, 3), np.uint8)], lambda _: None)
    assert client.submit(pictures(4), lambda _: None)


def test_an_answer_to_nothing_is_ignored(pair):
    client, server = pair
    answers = []
    server.link.send(InferReply(999, SEEN))
    assert client.submit(pictures(), answers.append)
    request = server.request()
    server.link.send(InferReply(request.ticket, SEEN))
    server.link.send(InferReply(request.ticket, SEEN))
    until(lambda: answers)
    assert client.submit(pictures(), answers.append)
    server.link.send(InferReply(server.request().ticket, SEEN))
    until(lambda: len(answers) == 2)


def test_close_answers_what_is_under_way_and_leaves_nothing(place):
    before = set(os.listdir("/proc/self/fd"))
    server = Server(place)
    client = InferenceClient(str(place), "front", SystemClock())
    server.accept()
    until(lambda: client.model is not None)
    answers = []
    assert client.submit(pictures(), answers.append)
    client.close()
    client.close()
    assert len(answers) == 1
    assert answers[0].error
    assert not client.submit(pictures(), answers.append)
    server.close()
    assert set(os.listdir("/proc/self/fd")) == before
    assert not [thread for thread in threading.enumerate() if thread.name == "inference client front"]


def test_many_threads_each_get_their_own_answer(pair):
    client, server = pair

    def echo():
        with contextlib.suppress(LinkClosed):
            while True:
                request = server.request()
                value = server.frames.view(request.slot, 1)[0]
                server.link.send(InferReply(request.ticket, ((Detection("person", value / 255, Box(0, 0, 1, 1)),),)))

    thread = threading.Thread(target=echo)
    thread.start()
    wrong, done = [], threading.Semaphore(0)

    def ask(value):
        for _ in range(40):
            answered = threading.Event()

            def check(reply, answered=answered):
                if reply.detections[0][0].score != value / 255:
                    wrong.append(reply)
                answered.set()

            while not client.submit(pictures(1, value), check):
                time.sleep(0.001)
            assert answered.wait(5)
        done.release()

    askers = [threading.Thread(target=ask, args=(value,)) for value in range(1, 7)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert not wrong
    assert all(done.acquire(blocking=False) for _ in askers)
    server.link.close()
    thread.join()


def test_local_inference_answers_at_once():
    local = LocalInference(Engine(SPEC, FakeDetector(rows(("person", 0.9, HERE))), "fake"))
    answers = []
    assert local.model.labels == ("person", "car", "vehicle")
    assert local.submit([np.zeros((100, 100, 3), np.uint8)] * 2, answers.append)
    assert [len(found) for found in answers[0].detections] == [1, 1]
    local.close()
