"""The child that classifies and embeds: answers, crashes, hangs, fails; each costs that answer and nothing else."""

import array
import socket
import threading
from collections.abc import Callable

import pytest

from guardian.model.classification import Classification
from guardian.model.errors import ServiceUnavailable
from guardian.model.messages import ClassifyReply, ClassifyRequest, EmbedReply, RankRequest
from guardian.platform.ipc import BlockingLink, LinkClosed
from guardian.platform.tasks import Tasks
from guardian.services import insight as module
from guardian.services.insight import InsightService
from tests.support.recorded import OwnClock


class Child:
    """Plays the child on a thread: `act(link, message, payload)` answers, or does not."""

    def __init__(self, sock: socket.socket, act: Callable[..., None]) -> None:
        self.link, self.act = BlockingLink(sock.dup()), act
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        try:
            while True:
                self.act(self.link, *self.link.receive())
        except LinkClosed:
            pass

    def kill(self) -> None:
        self.link.close()

    terminate = kill

    def join(self, timeout: float | None = None) -> None:
        self.thread.join(timeout)


def answer(link, message, payload):
    if isinstance(message, ClassifyRequest):
        link.send(ClassifyReply(message.ticket, Classification(f"{message.classifier} {message.label} {len(payload)}", 0.9)))
    elif isinstance(message, RankRequest):
        link.send(EmbedReply(message.ticket), array.array("f", range(message.count)).tobytes())
    else:
        link.send(EmbedReply(message.ticket), b"".join(text.encode().ljust(4) for text in message.texts))


@pytest.fixture
async def insight():
    tasks, clock, made = Tasks(), OwnClock(), []

    def build(act, **options):
        children = []

        def start(sock):
            children.append(Child(sock, act))
            return children[-1]

        made.append(InsightService(start, clock, tasks, **options))
        return made[-1], children

    build.clock = clock
    yield build
    for one in made:
        await one.close()
    await tasks.close()


async def test_questions_are_answered_by_one_child(insight):
    one, children = insight(answer)
    assert (await one.classify("colours", "person", b"jpeg")).sub_label == "colours person 4"
    assert await one.embed("words", ["ab", "cd"]) == (b"ab  ", b"cd  ")
    assert await one.rank("words", "ab", [b"1", b"2", b"3"]) == (0.0, 1.0, 2.0)
    assert len(children) == 1


async def test_a_crash_costs_that_answer_and_the_next_gets_a_new_child(insight):
    def crash_on_cats(link, message, payload):
        if message.label == "cat":
            link.close()
            raise LinkClosed
        answer(link, message, payload)

    one, children = insight(crash_on_cats)
    with pytest.raises(ServiceUnavailable, match="crashed"):
        await one.classify("colours", "cat", b"")
    assert "colours" in one.problems()
    assert (await one.classify("colours", "person", b"")).sub_label
    assert len(children) == 2
    assert one.problems() == {}


async def test_one_that_hangs_is_killed_and_left_alone_after_three_times(insight, monkeypatch):
    monkeypatch.setattr(module, "FIRST_ANSWER_S", 0.1)

    def hang(link, message, payload):
        if message.classifier == "good":
            answer(link, message, payload)

    one, children = insight(hang, answer_s=0.1)
    for number in range(3):
        with pytest.raises(ServiceUnavailable, match="in time"):
            await one.classify("bad", "person", b"")
        assert len(children) == number + 1
    with pytest.raises(ServiceUnavailable, match="left alone"):
        await one.classify("bad", "person", b"")
    assert (await one.classify("good", "person", b"")).sub_label  # another one's fault is its own
    insight.clock.forward(31)
    with pytest.raises(ServiceUnavailable, match="in time"):
        await one.classify("bad", "person", b"")


async def test_what_fails_is_said(insight):
    def fail(link, message, payload):
        link.send(ClassifyReply(message.ticket, error="ValueError"))

    one, children = insight(fail)
    with pytest.raises(ServiceUnavailable, match="ValueError"):
        await one.classify("colours", "person", b"")
    assert len(children) == 1  # it is alive
