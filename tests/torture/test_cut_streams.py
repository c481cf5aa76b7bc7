"""RTSP servers that are killed and hung, and connections that are cut in the middle of a packet, at random moments.

GUARDIAN_TORTURE_ROUNDS connections are cut (12 unless told); GUARDIAN_TORTURE_SEED repeats a run.
"""

from __future__ import annotations

import os
import random
import time

import pytest

from tests.support.house import camera, command, running, set_up
from tests.support.program import wait_for
from tests.support.rtsp import RtspServer, make_video, require_server
from tests.torture.cable import Cable
from tests.torture.footage import Footage, gaps_s, last_end_us, of

ROUNDS = int(os.environ.get("GUARDIAN_TORTURE_ROUNDS", "12"))
SEED = int(os.environ.get("GUARDIAN_TORTURE_SEED", str(random.randrange(1 << 32))))
GOP_S = 1.0
LOSS_S = GOP_S + 1.0  # packets may gather for a second, though not past the end of a GOP: what is over is a busy machine's
BACK_S = 5.0
HUNG_S = 30.0

pytestmark = [pytest.mark.torture, pytest.mark.timeout(300 + 20 * ROUNDS)]


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    require_server()
    return make_video(tmp_path_factory.mktemp("video") / "yard.mp4", seconds=150, audio="aac")


@pytest.fixture
def server(video):
    server = RtspServer({"yard": f"{video},h264,aac"}).start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def cameras(url):
    return camera("yard", "rtsp", {"url": url}, "record.segment_s = 10\n") + camera(
        "beside", "testpattern", {"width": 320, "height": 240, "fps": 10}, "record.segment_s = 10\n"
    )


def resumed_us(footage, since_us):
    """Return where the footage after an outage begins, once it goes on for two seconds."""
    rows = [row for row in of(footage.fragments(), "yard") if row.start_utc_us > since_us]
    return rows[0].start_utc_us if rows and rows[-1].start_utc_us > rows[0].start_utc_us + 2_000_000 else None


def outage(footage, gone_us, back_us):
    """Return (seconds missing before the outage, seconds until recording resumed after the return)."""
    again_us = wait_for(lambda: resumed_us(footage, back_us), 30, "recording")
    return (gone_us - last_end_us(footage.fragments(), "yard", gone_us)) / 1e6, (again_us - back_us) / 1e6


def is_well(data, footage, tmp_path):
    assert footage.tidy() == []
    footage.open_all()
    assert footage.play_all(tmp_path) == []
    assert gaps_s(footage.fragments(), "beside") == [], "a camera suffered from another's outage"
    checked = command("index", "check", "--data", str(data))
    assert (checked["ok"], checked["being_written"]) == (True, 0), checked


def test_a_server_is_killed_and_hung(server, data, tmp_path):
    dice = random.Random(SEED)
    set_up(data, cameras(server.url("yard")))
    footage = Footage(data)
    with running(data) as program:
        for how in dice.sample(("killed", "hung", "killed", "killed"), 4):
            wait_for(lambda: program.camera("yard")["recording"], 20, "recording")
            time.sleep(dice.uniform(3, 6))
            gone_us = time.time_ns() // 1000
            if how == "hung":
                server.hang()
                time.sleep(HUNG_S)
                assert program.camera("yard")["state"] == "retrying"
                server.go_on()
            else:
                server.kill()
                time.sleep(dice.uniform(0.2, 12))
                server.start()
            missing, waited = outage(footage, gone_us, time.time_ns() // 1000)
            print(f"seed {SEED}, {how}: {missing:.2f} s missing before, recorded again after {waited:.2f} s", flush=True)
            assert missing < LOSS_S
            assert waited < BACK_S
    is_well(data, footage, tmp_path)


def test_connections_are_cut_in_the_middle_of_a_packet(server, data, tmp_path):
    dice = random.Random(SEED)
    cable = Cable(server.port)
    set_up(data, cameras(f"rtsp://127.0.0.1:{cable.port}/yard"))
    footage = Footage(data)
    try:
        with running(data) as program:
            for number in range(ROUNDS):
                wait_for(lambda: program.camera("yard")["recording"], 20, "recording")
                time.sleep(dice.uniform(0.5, 3))
                cut_us = cable.cut(dice.randrange(1, 20_000), reset=dice.random() < 0.5)
                missing, waited = outage(footage, cut_us, cut_us)
                print(
                    f"seed {SEED}, cut {number}: {missing:.2f} s missing before, recorded again after {waited:.2f} s",
                    flush=True,
                )
                assert missing < LOSS_S
                assert waited < BACK_S, program.log[-20:]
    finally:
        cable.close()
    is_well(data, footage, tmp_path)
