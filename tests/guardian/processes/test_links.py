"""The conductor's switchboard: what a process said before it ended is taken in before the conductor ends."""

import asyncio

from guardian.model.messages import Hello, Stop
from guardian.platform.ipc import connect
from guardian.processes.links import Switchboard


async def test_the_last_words_of_a_process_are_taken_in_before_it_counts_as_gone(tmp_path):
    taken, gone = [], []

    async def slowly(name, message, payload):
        await asyncio.sleep(0.1)
        taken.append(message)

    board = Switchboard(tmp_path / "s", "secret", {"camera": slowly}, lambda role, name: gone.append(name))
    await board.open()

    def process():
        link = connect(str(tmp_path / "s"))
        link.send(Hello("camera", "yard", 1, "secret"))
        for _ in range(3):
            link.send(Stop("as good as any other message"))
        link.close()

    await asyncio.to_thread(process)
    while not taken:
        await asyncio.sleep(0.01)
    assert gone == []
    await board.emptied(5.0)
    assert (len(taken), gone) == (3, ["yard"])
    await board.emptied(5.0)
    await board.close()


async def test_a_process_that_does_not_hang_up_is_not_waited_for_for_ever(tmp_path):
    async def never(name, message, payload):
        raise AssertionError

    board = Switchboard(tmp_path / "s", "secret", {"camera": never}, lambda role, name: None)
    await board.open()
    link = await asyncio.to_thread(connect, str(tmp_path / "s"))
    link.send(Hello("camera", "yard", 1, "secret"))
    while not board.send("camera", "yard", Stop("")):
        await asyncio.sleep(0.01)
    began = asyncio.get_running_loop().time()
    await board.emptied(0.1)
    assert 0.05 < asyncio.get_running_loop().time() - began < 2
    link.close()
    await board.close()
