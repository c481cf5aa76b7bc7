import asyncio
import sys
from pathlib import Path

import pytest

from guardian.platform.subprocesses import run, start


def test_output_and_code_come_back():
    done = run(["sh", "-c", "cat; echo bad >&2; exit 3"], timeout_s=5, stdin=b"hello")
    assert (done.code, done.out, done.err) == (3, "hello", "bad\n")


def test_what_takes_too_long_is_ended():
    with pytest.raises(TimeoutError, match="sleep took longer"):
        run(["sleep", "30"], timeout_s=0.1)


async def test_a_program_that_goes_on_is_ended():
    child = await start(["sleep", "60"])
    assert child.code is None
    await child.end()
    await child.end()
    assert child.code == -15


async def test_one_that_does_not_listen_is_killed():
    child = await start(
        [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); print(1); time.sleep(60)"]
    )
    await asyncio.sleep(2)
    await child.end(grace_s=0.2)
    assert child.code == -9


async def test_it_dies_with_its_parent():
    code = "import asyncio, os\nfrom guardian.platform.subprocesses import start\nasync def main():\n c = await start(['sleep', '60'])\n print(c.pid, flush=True)\n await asyncio.sleep(0.2)\n os.kill(os.getpid(), 9)\nasyncio.run(main())"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    for _ in range(50):
        state = Path(f"/proc/{int(out)}/stat")
        if not state.exists() or state.read_text().split()[2] == "Z":
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it outlived its parent")
