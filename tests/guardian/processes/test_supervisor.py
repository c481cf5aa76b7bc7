import asyncio
import signal
import time

from guardian.platform.clock import SystemClock
from guardian.platform.tasks import Tasks
from guardian.processes import spawning, supervisor
from guardian.processes.supervisor import Supervisor


def sleep(_job: object) -> None:
    time.sleep(60)


async def until(condition) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


async def test_a_child_that_could_not_be_started_or_was_killed_is_started_again(monkeypatch):
    tried = []

    def start(entry: str, job: object, name: str):
        tried.append(job)
        if len(tried) == 1:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return spawning.start_process(entry, job, name)

    monkeypatch.setattr(supervisor, "start_process", start)
    tasks, exits, jobs = Tasks(), [], iter("abcdef")
    children = Supervisor(SystemClock(), tasks)
    children.start("sleeper", "one", f"{__name__}:sleep", lambda: next(jobs), lambda: exits.append(1))
    child = children.running("sleeper", "one")
    assert child is not None
    await until(lambda: child.process is not None)
    assert (tried, child.restarts, exits) == (["a", "b"], 1, [])
    children.signal("sleeper", "one", signal.SIGKILL)
    await until(lambda: len(tried) == 3)
    assert (child.restarts, exits) == (2, [1])
    monkeypatch.setattr(supervisor, "GRACE_S", 0.1)
    await until(lambda: child.usage is None and child.process is not None and not child.process._closed)
    await children.stop("sleeper", "one")
    await until(lambda: len(exits) == 2)  # its end may be told later than the short grace
    assert len(tried) == 3
    await tasks.close()
