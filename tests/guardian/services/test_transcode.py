import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable

import pytest

from guardian.model.errors import ServiceUnavailable
from guardian.model.messages import TranscodeReply, TranscodeRequest
from guardian.platform.ipc import MAX_PAYLOAD, BlockingLink, LinkClosed
from guardian.platform.tasks import Tasks
from guardian.services import transcode
from guardian.services.transcode import TranscodeService, Transcoding

Answer = Callable[[BlockingLink, TranscodeRequest, bytes], None]


def upper(link: BlockingLink, request: TranscodeRequest, payload: bytes) -> None:
    init, rest = payload[: request.init_bytes].upper(), payload[len(payload) - sum(request.fragment_bytes[-1:]) :]
    link.send(TranscodeReply(request.ticket, len(init)), init + rest.upper() * bool(request.fragment_bytes))


class Children:
    """Starts children that are threads; each answers as it was told to."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.started = 0
        self.ended = 0
        self._threads: list[threading.Thread] = []

    def start(self, sock: socket.socket) -> "Child":
        answer = self.answers[min(self.started, len(self.answers) - 1)]
        self.started += 1
        link = BlockingLink(sock.dup())
        thread = threading.Thread(target=self._serve, args=(link, answer))
        thread.start()
        self._threads.append(thread)
        return Child(self, link, thread)

    def _serve(self, link: BlockingLink, answer: Answer) -> None:
        try:
            while True:
                message, payload = link.receive()
                assert isinstance(message, TranscodeRequest)
                answer(link, message, payload)
        except LinkClosed:
            link.close()


class Child:
    def __init__(self, children: Children, link: BlockingLink, thread: threading.Thread) -> None:
        self.children, self.link, self.thread = children, link, thread

    def terminate(self) -> None:
        self.link.close()

    def join(self, timeout: float | None = None) -> None:
        self.thread.join(timeout)
        self.children.ended += 1


@pytest.fixture
async def tasks() -> AsyncIterator[Tasks]:
    tasks = Tasks()
    yield tasks
    await tasks.close()


async def test_one_child_serves_many_questions(tasks: Tasks) -> None:
    children = Children(upper)
    service = TranscodeService(children.start, tasks)
    answers = await asyncio.gather(*(service.transcode(b"init", [b"one", f"last{n}".encode()]) for n in range(5)))
    assert answers == [Transcoding(b"INIT", f"LAST{n}".encode()) for n in range(5)]
    assert await service.transcode(b"init", []) == Transcoding(b"INIT", b"")
    assert children.started == 1
    await service.close()
    assert children.ended == 1
    assert (await service.transcode(b"a", [b"b"])).fragment == b"B"
    assert children.started == 2
    await service.close()


async def test_a_child_that_dies_is_replaced_once(tasks: Tasks) -> None:
    def die(link: BlockingLink, *_: object) -> None:
        link.close()

    children = Children(die, upper)
    service = TranscodeService(children.start, tasks)
    assert (await service.transcode(b"a", [b"b"])).fragment == b"B"
    await service.close()
    hopeless = TranscodeService(Children(die).start, tasks)
    with pytest.raises(ServiceUnavailable) as caught:
        await hopeless.transcode(b"a", [b"b"])
    assert caught.value.cure
    await hopeless.close()


async def test_a_child_that_hangs_is_ended(tasks: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcode, "TIMEOUT_S", 0.05)
    children = Children(lambda *_: None)
    service = TranscodeService(children.start, tasks)
    with pytest.raises(ServiceUnavailable):
        await service.transcode(b"a", [b"b"])
    assert (children.started, children.ended) == (2, 2)


async def test_what_the_child_cannot_do_is_said_and_the_child_stays(tasks: Tasks) -> None:
    def refuse(link: BlockingLink, request: TranscodeRequest, _: bytes) -> None:
        link.send(TranscodeReply(request.ticket, error="no picture in it"))

    children = Children(refuse)
    service = TranscodeService(children.start, tasks)
    for _ in range(2):
        with pytest.raises(ServiceUnavailable, match="no picture in it"):
            await service.transcode(b"a", [b"b"])
    assert children.started == 1
    await service.close()


async def test_an_idle_child_is_ended(tasks: Tasks) -> None:
    children = Children(upper)
    service = TranscodeService(children.start, tasks, idle_s=0.02)
    await service.transcode(b"a", [b"b"])
    async with asyncio.timeout(2):
        while not children.ended:
            await asyncio.sleep(0.01)


async def test_a_gop_too_long_for_the_link_is_refused(tasks: Tasks) -> None:
    service = TranscodeService(Children(upper).start, tasks)
    with pytest.raises(ServiceUnavailable) as caught:
        await service.transcode(b"a", [bytes(MAX_PAYLOAD)])
    assert "keyframe interval" in caught.value.cure
