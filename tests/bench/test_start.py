"""`guardian demo`, from the command to what a person sees, beside ffmpeg's first byte of the same clip and bare Python."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from statistics import median

import aiohttp
import pytest

from guardian.services.demo import CLIP
from tests.bench.figures import Figure, publish
from tests.support.program import environment, guardian, wait_for

TIMES = 3
RECORDED_S, PICTURE_S, EVENT_S = 3.0, 5.0, 30.0

pytestmark = pytest.mark.bench


async def first_fragment(program, camera: str) -> None:
    """Return when the first live fragment has come; a camera that is not there yet is asked again."""
    address = f"{program.url}/api/v1/cameras/{camera}/live?can=h264"
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {program.token}"}) as session:
        while True:
            async with session.ws_connect(address) as socket:
                binary = 0
                async for message in socket:
                    binary += message.type is aiohttp.WSMsgType.BINARY
                    if binary == 2:  # the init segment, and a fragment
                        return
            await asyncio.sleep(0.05)


def first_byte(data: Path, came: list[float]) -> None:
    """Note when the first segment has a byte."""
    while not any(path.stat().st_size for path in (data / "segments").rglob("*.pgs")):
        time.sleep(0.02)
    came.append(time.monotonic())


def one_start(data: Path) -> dict[str, float]:
    """Return the seconds from the command to each thing."""
    recorded: list[float] = []
    looking = threading.Thread(target=first_byte, args=(data, recorded), daemon=True)
    looking.start()
    began, took = time.monotonic(), {}
    with guardian("demo", "--port", "0", "--no-browser", "--data", str(data)) as program:
        took["page"] = time.monotonic() - began
        asyncio.run(asyncio.wait_for(first_fragment(program, "demo"), 30))
        took["picture"] = time.monotonic() - began
        event = wait_for(lambda: program.get("/api/v1/events")["items"], 60, "an event")[-1]
        wait_for(lambda: program.request(event["snapshot"])[0] == 200, 30, "its picture")
        took["event"] = time.monotonic() - began
        looking.join(30)
    return {"recorded": recorded[0] - began, **took}


def ffmpeg(folder: Path) -> float:
    """Return the seconds from the command to ffmpeg's first recorded byte, a fragment a keyframe."""
    out = folder / "ffmpeg.mp4"
    words = ["ffmpeg", "-nostdin", "-loglevel", "error", "-re", "-i", str(CLIP), "-c", "copy", "-flush_packets", "1"]
    began = time.monotonic()
    process = subprocess.Popen([*words, "-movflags", "frag_keyframe+empty_moov+default_base_moof", str(out)])
    try:
        wait_for(lambda: out.exists() and b"moof" in out.read_bytes(), 30, "a fragment")
        return time.monotonic() - began
    finally:
        process.kill()
        process.wait()


def imports() -> float:
    """Return the seconds that Python takes to import what no recorder with a detector can do without."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import aiohttp, sqlalchemy, av, numpy, openvino"], check=True, env=environment())
    return time.monotonic() - began


def test_start(tmp_path):
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    starts, theirs, bare = [], [], []
    for number in range(TIMES):
        (tmp_path / str(number)).mkdir()
        theirs.append(ffmpeg(tmp_path / str(number)))
        bare.append(imports())
        starts.append(one_start(tmp_path / str(number) / "data"))
    took = {name: round(median(start[name] for start in starts), 2) for name in starts[0]}
    first, python = round(median(theirs), 2), round(median(bare), 2)
    publish(
        "start",
        Figure("first recorded byte", took["recorded"], "s", first, "ffmpeg -c copy", RECORDED_S),
        Figure("page and API are served", took["page"], "s", python, "bare imports"),
        Figure("first live picture", took["picture"], "s", python, "bare imports", PICTURE_S),
        Figure("first event with its picture", took["event"], "s", python, "bare imports", EVENT_S),
        starts=starts,
    )
