"""The vault's keys with a Guardian that runs: rotated while it records, changed, recovered, throttled, and never in a core."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from guardian.model.time import to_rfc3339
from guardian.services.demo import CLIP
from guardian.vault.keyring import Keyring
from guardian.vault.passphrase import derive_kek
from guardian.vault.scan import scan
from tests.support.browser import browser, log_in
from tests.support.house import ALL, PASSPHRASE, command, running, set_up
from tests.support.looking import looked_at
from tests.support.program import Program, guardian, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]
CAMERA = f"""
[cameras.gate]
kind = "file"
source = {{ path = {json.dumps(str(CLIP))} }}
[cameras.gate.record]
segment_s = 5
"""
OTHER = "another passphrase for tests"


@pytest.fixture
def house(tmp_path: Path) -> Path:
    set_up(tmp_path / "house", CAMERA)
    (tmp_path / "new").write_text(OTHER + "\n")
    return tmp_path / "house"


def ask(*words: str, data: Path, code: int = 0) -> dict[str, object]:
    return command("vault", *words, "--data", str(data), code=code)


def epochs(data: Path, kind: str) -> dict[int, list[Path]]:
    """Sealed files by the epoch that they are sealed to."""
    found: dict[int, list[Path]] = {}
    for path in sorted((data / kind.partition("/")[0]).rglob(kind.partition("/")[2])):
        found.setdefault(looked_at(path).epoch, []).append(path)
    return found


def export(program: Program, start_us: int, end_us: int) -> tuple[str, bytes]:
    wish = {"camera": "gate", "start": to_rfc3339(start_us), "end": to_rfc3339(end_us)}
    status, body = program.request("/api/v1/exports", method="POST", body=wish)
    assert status in (200, 201, 202), body
    job = json.loads(body)["id"]
    wait_for(lambda: program.get(f"/api/v1/exports/{job}")["state"] == "done", 30, "the export")
    status, body = program.request(f"/api/v1/exports/{job}/file.mp4")
    assert status == 200
    return job, body


def test_a_new_key_while_it_records_and_both_sides_play(house, tmp_path):
    with running(house) as program:
        wait_for(lambda: epochs(house, "segments/*.pgs"), 30, "footage")
        wait_for(lambda: epochs(house, "pictures/*.pgp"), 40, "a picture")
        assert ask("rotate", "--passphrase-file", str(house / "passphrase"), data=house) == {"running": True, "epoch": 2}
        rotated_us = time.time_ns() // 1000
        assert program.get("/api/v1/vault")["epoch"] == 2
        pids = program.pids()
        segments = wait_for(
            lambda: (lambda found: found if len(found.get(2, [])) > 1 else None)(epochs(house, "segments/*.pgs")),
            30,
            "epoch 2",
        )
        assert set(segments) == {1, 2}
        late = [path for path in segments[1] if scan(path).header.start_utc_us > rotated_us + 2_000_000]
        assert late == [], "no file begins with the old key after the rotation"
        wait_for(lambda: 2 in epochs(house, "pictures/*.pgp"), 40, "a picture under the new key")
        assert program.pids()["camera gate"] == pids["camera gate"], "the same process goes on"

        spans = program.get(f"/api/v1/cameras/gate/recordings?{ALL}")["items"]
        assert len(spans) == 1, "the new key makes no gap"
        first = scan(segments[1][-1]).header.start_utc_us
        job, body = export(program, first, first + 12_000_000)
        assert body[4:8] == b"ftyp"
        assert scan(house / "exports" / f"{job}.pgx").epoch == 2
        for path in (segments[1][0], segments[2][0]):
            begin_us = scan(path).header.start_utc_us
            span = f"start={to_rfc3339(begin_us)}&end={to_rfc3339(begin_us + 2_000_000)}"
            status, piece = program.request(f"/api/v1/cameras/gate/clip.mp4?{span}")
            assert status == 200, piece
            assert b"moof" in piece
        for event in program.get("/api/v1/events")["items"]:
            assert program.request(event["snapshot"])[0] == 200

        found = ask("verify", "--passphrase-file", str(house / "passphrase"), data=house)
        assert (found["running"], found["whole"]) == (True, True)
        assert all(one["files_opened"] > 0 for one in found["epochs"])
    found = ask("verify", "--passphrase-file", str(house / "passphrase"), data=house)
    assert (found["running"], found["whole"]) == (False, True)


def test_a_process_that_starts_while_the_key_is_changed_gets_it_too(house):
    with running(house) as program:
        wait_for(lambda: program.camera("gate")["recording"], 30, "recording")
        os.kill(program.pids()["camera gate"], signal.SIGKILL)
        ask("rotate", "--passphrase-file", str(house / "passphrase"), data=house)
        wait_for(lambda: 2 in epochs(house, "segments/*.pgs"), 40, "footage under the new key")


def test_what_the_commands_change_the_running_program_knows(house, tmp_path):
    old, new = str(house / "passphrase"), str(tmp_path / "new")
    with running(house) as program:
        code = ask("recovery-code", "--passphrase-file", old, data=house)["recovery_code"]
        (tmp_path / "code").write_text(str(code))
        assert ask("change-passphrase", "--passphrase-file", old, "--new-passphrase-file", new, data=house)["running"]
        ask("lock", data=house)
        assert ask("unlock", "--passphrase-file", old, data=house, code=2)["error"]["code"] == "wrong_passphrase"
        assert ask("unlock", "--passphrase-file", new, data=house)["unlocked"]
        ask("lock", data=house)
        assert ask("recover", "--code-file", str(tmp_path / "code"), "--new-passphrase-file", old, data=house)["recovered"]
        assert program.get("/api/v1/vault")["unlocked"], "recovering unlocks"
        text = "".join(program.log)
    for secret in (str(code), str(code).partition("-")[0], OTHER, PASSPHRASE):
        assert secret not in text
    Keyring.load(house / "vault").unlock(PASSPHRASE)


def test_guessing_stays_slow_over_a_restart_for_api_page_and_command(house, tmp_path):
    (house / "config.toml").write_text("[web]\nport = 0\n")
    (tmp_path / "wrong").write_text("not it at all\n")
    with running(house) as program:
        wrong = {"passphrase": "not it at all"}
        for _ in range(8):  # 16 seconds to wait then: longer than a start takes, on a busy machine too
            wait_for(lambda: program.request("/api/v1/vault/unlock", method="POST", body=wrong)[0] == 403, 20, "a guess")
        program.stop()
    with running(house) as program:
        assert program.get("/api/v1/vault")["throttled_s"] > 0
        assert program.request("/api/v1/vault/unlock", method="POST", body={"passphrase": PASSPHRASE})[0] == 429
        error = ask("rotate", "--passphrase-file", str(house / "passphrase"), data=house, code=2)["error"]
        assert error["code"] == "too_many_requests"
        wait_for(lambda: program.get("/api/v1/vault")["throttled_s"] == 0, 30, "the end of the wait")
        assert ask("unlock", "--passphrase-file", str(house / "passphrase"), data=house)["unlocked"]


def test_a_passphrase_that_no_longer_fits_at_start_is_no_reason_not_to_record(house):
    (house / "passphrase").write_text("the one of before\n")
    with running(house) as program:
        wait_for(lambda: program.camera("gate")["recording"], 30, "recording")
        assert program.get("/api/v1/vault")["unlocked"] is False
        findings = program.get("/api/v1/system")["findings"]
        assert any("not unlocked at start" in finding["message"] for finding in findings), findings


def test_it_locks_by_itself_when_not_used_and_a_download_that_hangs_does_not_hold_it_open(house):
    config = house / "config.toml"
    config.write_text(config.read_text().replace("[vault]", "[vault]\nauto_lock_minutes = 0.2"))
    with running(house) as program:
        path = wait_for(lambda: epochs(house, "segments/*.pgs"), 30, "footage")[1][0]
        begin_us = scan(path).header.start_utc_us
        time.sleep(3)
        wish = {"passphrase": PASSPHRASE}  # not the command: on a busy machine the vault is locked again before that ends
        assert program.request("/api/v1/vault/unlock", method="POST", body=wish)[0] == 200
        unlocked = time.monotonic()
        job, _ = export(program, begin_us, begin_us + 2_000_000)
        span = f"start={to_rfc3339(begin_us)}&end={to_rfc3339(begin_us + 1_000_000)}"
        while time.monotonic() - unlocked < 14:
            time.sleep(2)
            assert program.request(f"/api/v1/cameras/gate/clip.mp4?{span}")[0] == 200, "playing is use"
        request = urllib.request.Request(f"{program.url}/api/v1/exports/{job}/file.mp4")
        request.add_header("Authorization", f"Bearer {program.token}")
        with urllib.request.urlopen(request, timeout=60):  # and nobody reads on
            asked = 0
            while program.get("/api/v1/vault")["unlocked"]:
                assert program.get("/api/v1/events") is not None  # lists are no use
                time.sleep(1)
                asked += 1
                assert asked < 30, "it does not lock"
        assert program.request(f"/api/v1/cameras/gate/clip.mp4?{span}")[0] == 423
        assert program.request(f"/api/v1/exports/{job}/file.mp4")[0] == 423
        assert program.camera("gate")["recording"] is True


# on the page


def test_the_code_is_made_on_the_page_read_off_its_picture_and_sets_a_new_passphrase(tmp_path):
    cv2, numpy = pytest.importorskip("cv2"), pytest.importorskip("numpy")
    with guardian("demo", "--port", "0", "--no-browser", "--data", str(tmp_path / "demo")) as program:
        first = program.first_line
        with browser(viewport={"width": 900, "height": 900}) as page:
            log_in(page, program.url, first["user"], first["password"])
            page.goto(program.url + "/vault")
            page.click("text=Keys and recovery")
            page.fill("#code-passphrase", first["passphrase"])
            page.click("text=Make a recovery code")
            page.wait_for_selector(".code-groups")
            code = "-".join(page.locator(".code-groups code").all_inner_texts())
            picture = page.locator(".code-qr svg").screenshot()
            pixels = cv2.imdecode(numpy.frombuffer(picture, numpy.uint8), cv2.IMREAD_COLOR)
            assert cv2.QRCodeDetector().detectAndDecode(pixels)[0] == code
            page.goto(program.url + "/vault")
            page.click("text=Lock the vault")
            page.click("text=Passphrase lost?")
            slip = code[:7] + ("2" if code[7] != "2" else "3") + code[8:]
            for typed in (slip, code.lower()):
                page.fill("input[name=code]", typed)
                page.fill("input[name=new]", OTHER)
                page.fill("input[name=again]", OTHER)
                page.click("text=Set it and unlock")
                if typed == slip:
                    page.wait_for_selector(".problem")
                    assert "group 2" in page.inner_text(".problem")
            page.wait_for_selector("text=The new passphrase is set")
            page.reload()
            assert code not in page.content()
            assert [one for one in page.problems if "400" not in one] == []
        assert program.get("/api/v1/vault")["unlocked"]
    Keyring.load(tmp_path / "demo" / "vault").unlock(OTHER)


# cores


def limits(pid: int) -> list[str]:
    line = next(line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if line.startswith("Max core"))
    return line.split()[4:6]


def ended(pid: int) -> int:
    """Return how a child ended, without taking its status away from who waits for it."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT).si_code


def unlimited_cores() -> None:
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


@pytest.fixture
def cores(tmp_path, monkeypatch):
    """A machine that would dump cores: the limit is off, and so they are by default."""
    before = resource.getrlimit(resource.RLIMIT_CORE)
    if before[1] == 0:
        pytest.skip("this machine lets nobody dump a core")
    unlimited_cores()
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    resource.setrlimit(resource.RLIMIT_CORE, before)


def test_an_unlocked_program_that_is_torn_down_leaves_no_core(house, cores):
    bare = subprocess.Popen([sys.executable, "-c", "import os; os.abort()"])
    assert ended(bare.pid) == os.CLD_DUMPED, "without our care there is a core"
    bare.wait()
    for core in cores.glob("core*"):
        core.unlink()
    with running(house) as program:
        assert program.get("/api/v1/vault")["unlocked"]
        wait_for(lambda: program.camera("gate")["recording"], 30, "recording")
        for name, pid in program.pids().items():
            assert limits(pid) == ["0", "0"], name
        conductor = program.process.pid
        os.kill(conductor, signal.SIGSEGV)
        assert ended(conductor) == os.CLD_KILLED, "killed, and no core dumped"
        program.process.wait(10)
    assert [path for path in cores.rglob("core*") if path.is_file()] == []


def test_a_command_that_asks_for_the_passphrase_leaves_no_core(house, cores):
    read, write = os.pipe()
    asking = subprocess.Popen(
        [sys.executable, "-m", "guardian", "vault", "verify", "--passphrase-file", "-", "--data", str(house)],
        stdin=read,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(os.environ),
    )
    os.close(read)
    wait_for(lambda: limits(asking.pid) == ["0", "0"], 10, "the limit")
    os.write(write, PASSPHRASE.encode())
    time.sleep(0.2)  # it reads until the end of its input
    os.kill(asking.pid, signal.SIGABRT)
    assert ended(asking.pid) == os.CLD_KILLED
    asking.wait()
    os.close(write)


# memory


def found_in_memory(pid: int, needles: dict[str, bytes]) -> dict[str, int]:
    """Count what stands in a process's memory."""
    found = dict.fromkeys(needles, 0)
    with Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            begin, end, rights = re.match(r"(\w+)-(\w+) (\S+)", line).groups()
            try:
                memory.seek(int(begin, 16))
                content = memory.read(int(end, 16) - int(begin, 16)) if "r" in rights else b""
            except (OSError, OverflowError):
                continue  # the kernel's own pages
            for name, needle in needles.items():
                found[name] += content.count(needle)
    return found


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may read the memory of a process that is not dumpable")
def test_locking_wipes_private_keys_from_all_memory(house):
    ring = Keyring.load(house / "vault")
    ring.unlock(PASSPHRASE)
    key = bytes(ring._private[1])
    kek = bytes(derive_kek(PASSPHRASE, ring._vault.parameters))
    secrets = key + kek
    needles = {
        f"bytes {at} to {at + 16}": secrets[at : at + 16] for at in range(0, len(secrets), 16)
    }  # what was freed is soon torn
    with running(house) as program:
        path = wait_for(lambda: epochs(house, "segments/*.pgs"), 30, "footage")[1][0]
        time.sleep(3)
        begin_us = scan(path).header.start_utc_us
        span = f"start={to_rfc3339(begin_us)}&end={to_rfc3339(begin_us + 1_000_000)}"
        assert program.request(f"/api/v1/cameras/gate/clip.mp4?{span}")[0] == 200
        conductor = program.process.pid
        assert all(list(found_in_memory(conductor, needles).values())[:6]), "a private key is found while it is there"
        ask("lock", data=house)
        for name, pid in program.pids().items():
            assert not any(found_in_memory(pid, needles).values()), name
        ask("unlock", "--passphrase-file", str(house / "passphrase"), data=house)
        ask("lock", data=house)
        assert not any(found_in_memory(conductor, needles).values())
