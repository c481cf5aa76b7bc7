"""Every command as its user calls it, beside a running demo and on the folder that it leaves; the JSON that others rely on."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from guardian.model.time import from_rfc3339, to_rfc3339
from guardian.services.demo import CLIP
from tests.support.house import ALL, command
from tests.support.program import environment, guardian, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]
PLUGINS = {"rtsp", "usb", "file", "testpattern", "openvino", "onnxruntime", "bytetrack", "folder", "webhook"}


def plain(*words, code=0, stdin=""):
    """Run a command without --json; return what a person sees."""
    done = subprocess.run(
        [sys.executable, "-m", "guardian", *words],
        input=stdin,
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout, done.stderr


def free_port():
    with contextlib.closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A demo with two sources, on a port and in a folder of the user's choice."""
    folder = tmp_path_factory.mktemp("commands")
    shutil.copy(CLIP, folder / "garden_gate.mp4")
    port = free_port()
    sources = ("--source", str(folder / "garden_gate.mp4"), "--source", "testpattern")
    with guardian("demo", "--no-browser", "--port", str(port), "--data", str(folder / "d"), *sources) as program:
        program.port = port
        (folder / "passphrase").write_text(program.first_line["passphrase"] + "\n")
        for camera in ("garden_gate", "testpattern"):
            wait_for(lambda camera=camera: program.camera(camera)["recording"], 20, f"recording of {camera}")
        yield program


@pytest.fixture(scope="module")
def data(demo):
    return str(demo.data)


def spans(program, camera):
    return program.get(f"/api/v1/cameras/{camera}/recordings?{ALL}")["items"]


def is_list(answer):
    return isinstance(answer["items"], list) and answer["next"] is None


def test_the_demo_keeps_to_its_options(demo):
    assert set(demo.first_line) >= {"url", "token", "data"}
    assert demo.url == f"http://127.0.0.1:{demo.port}"
    cameras = demo.get("/api/v1/cameras")
    assert is_list(cameras)
    assert [(one["id"], one["kind"]) for one in cameras["items"]] == [
        ("garden_gate", "file"),
        ("testpattern", "testpattern"),
    ]
    assert all(set(one) >= {"id", "name", "state"} for one in cameras["items"])


def test_an_event_has_the_keys_that_others_rely_on(demo):
    events = wait_for(lambda: (lambda a: a if a["items"] else None)(demo.get("/api/v1/events")), 30, "an event")
    assert set(events) == {"items", "next"}
    event = events["items"][0]
    assert set(event) >= {"id", "camera", "label", "score", "start", "end", "zones", "snapshot", "clip"}
    assert event["camera"] == "garden_gate"
    assert from_rfc3339(event["start"])
    assert event["end"] is None or from_rfc3339(event["end"]) >= from_rfc3339(event["start"])
    assert 0 < event["score"] <= 1
    assert isinstance(event["zones"], list)


def test_config_check_and_explain(data, tmp_path):
    assert command("config", "check", "--data", data)["ok"] is True
    tmp_path.joinpath("config.toml").write_text(
        '[web]\nporth = 1\n[cameras.a]\nkind = "rtsp"\nsource = { url = "http://x" }\n'
    )
    wrong = command("config", "check", "--data", str(tmp_path), code=2)
    assert wrong["ok"] is False
    assert is_list(wrong)
    assert wrong["items"][0]["field"] == "web.porth"
    assert "web.port" in wrong["items"][0]["cure"]
    told = plain("config", "check", "--data", str(tmp_path), code=2)[1]
    assert "web.porth" in told
    assert "Traceback" not in told
    explained = command("config", "explain", "record", "--data", data, code=2)
    assert explained["error"]["code"] == "not_found"
    explained = command("config", "explain", "web", "--data", data)
    assert is_list(explained)
    assert {"path": "web.port", "default": "8420"}.items() <= explained["items"][1].items()
    assert all(item["description"] for item in explained["items"])


def test_plugins_and_models_are_listed(data):
    plugins = command("plugins", "list", "--data", data)
    assert is_list(plugins)
    found = {item["name"]: item for item in plugins["items"]}
    assert set(found) >= PLUGINS
    assert found["rtsp"]["hooks"] == ["register_cameras"]
    assert all(
        item["version"] and item["hooks"] and item["state"] == "running"
        for item in found.values()
        if item["name"] in PLUGINS
    )
    models = command("models", "list", "--data", data)
    assert is_list(models)
    default = next(item for item in models["items"] if item["name"] == "default")
    assert (default["state"], default["licence"]) == ("embedded", "Apache-2.0")


def status(program, token):
    request = urllib.request.Request(program.url + "/api/v1/cameras", headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_a_token_works_beside_the_running_program_until_it_is_revoked(demo, data):
    made = command("token", "create", "my phone", "--data", data)
    assert made["name"] == "my phone"
    assert status(demo, made["token"]) == 200
    listed = command("token", "list", "--data", data)
    assert is_list(listed)
    assert made["id"] in {item["id"] for item in listed["items"]}
    assert made["token"] not in json.dumps(listed)
    assert command("token", "revoke", made["id"], "--data", data)["id"] == made["id"]
    wait_for(lambda: status(demo, made["token"]) == 401, 15, "its end")
    out, told = plain("token", "create", "script", "--data", data)
    assert status(demo, out.strip()) == 200
    assert "Bearer" in told


def test_the_index_can_be_checked_and_rebuilt_while_it_runs(demo, data):
    wait_for(lambda: spans(demo, "testpattern"), 15, "footage")
    before = command("index", "check", "--data", data)
    assert before["ok"] is True
    assert is_list(before)
    rebuilt = command("index", "rebuild", "--data", data)
    assert is_list(rebuilt)
    assert rebuilt["items"] == []
    assert command("index", "check", "--data", data)["ok"] is True
    assert demo.camera("testpattern")["recording"] is True


def test_footage_is_exported_beside_the_running_program(demo, data, tmp_path):
    span = wait_for(lambda: (lambda s: s[0] if s and seconds(s[0]) > 6 else None)(spans(demo, "testpattern")), 20, "footage")
    start = from_rfc3339(span["start"]) + 1_000_000
    words = ("export", "testpattern", "--start", to_rfc3339(start), "--end", to_rfc3339(start + 4_000_000), "--data", data)
    words += ("--passphrase-file", str(demo.data.parent / "passphrase"), "-o", str(tmp_path / "out.mp4"))
    made = command(*words)
    assert set(made) >= {"file", "camera", "start", "end", "size_bytes"}
    assert made["size_bytes"] == (tmp_path / "out.mp4").stat().st_size > 10_000
    decoded = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(tmp_path / "out.mp4"), "-f", "null", "-"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (decoded.returncode, decoded.stderr) == (0, "")
    again = command(*words, code=2)
    assert again["error"]["code"] == "conflict"
    assert again["error"]["cure"]
    nobody = command("export", "attic", *words[2:], "--force", code=2)["error"]
    assert nobody["code"] == "not_found"
    assert "testpattern" in nobody["cure"]


def seconds(span):
    return (from_rfc3339(span["end"]) - from_rfc3339(span["start"])) / 1e6


def test_the_vault_is_locked_and_unlocked_from_outside(demo, data):
    assert command("vault", "status", "--data", data)["unlocked"] is True
    assert demo.request("/api/v1/vault/lock", method="POST", body={})[0] in (200, 204)
    assert command("vault", "status", "--data", data)["unlocked"] is False
    plain("vault", "unlock", "--data", data, stdin=demo.first_line["passphrase"] + "\n")
    assert command("vault", "status", "--data", data)["unlocked"] is True
    assert demo.get("/api/v1/vault")["unlocked"] is True


def test_the_doctor_says_what_it_found(data):
    found = command("doctor", "--data", data)
    assert found["ok"] is True
    assert {one["check"] for one in found["findings"]} >= {"codecs", "hardware decoding", "plugins"}
    assert all(set(one) == {"check", "health", "message", "cure"} for one in found["findings"])
    assert all(one["cure"] for one in found["findings"] if one["health"] in ("warning", "error"))
    assert "Traceback" not in "".join(plain("doctor", "--data", data))


def test_the_shell_completes(tmp_path):
    script, _ = plain("completion", "bash")
    assert command("completion", "bash")["script"].strip() == script.strip()
    (tmp_path / "guardian").write_text(f'#!/bin/sh\nexec {sys.executable} -m guardian "$@"\n')
    (tmp_path / "guardian").chmod(0o755)
    (tmp_path / "script").write_text(script)
    ask = f"""source {tmp_path}/script; COMP_WORDS=(guardian con); COMP_CWORD=1; _guardian_completion guardian con guardian
        echo "${{COMPREPLY[@]}}" """
    where = {**environment(), "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, env=where, check=True)
    assert done.stdout.split() == ["config"]


def test_bench_detect_gives_the_figures_that_others_read(data):
    figures = command("bench", "detect", "--seconds", "1", "--data", data)
    assert set(figures) >= {"inferences_per_s", "baseline_inferences_per_s", "ratio"}
    assert figures["ratio"] == pytest.approx(figures["inferences_per_s"] / figures["baseline_inferences_per_s"], rel=0.05)


def test_a_port_that_is_taken_is_said_in_a_sentence(demo):
    words = ("demo", "--no-browser", "--port", str(demo.port), "--exit-after", "1")
    assert command(*words, code=2)["error"]["field"] == "web.port"
    out, told = plain(*words, code=2)
    assert "--port" in told
    assert "Traceback" not in out + told


@pytest.mark.parametrize(("source", "said"), [("http://192.0.2.7/clip.mp4", "no kind of camera")])
def test_a_source_that_cannot_be_is_said(source, said):
    wrong = command("demo", "--no-browser", "--port", "0", "--source", source, "--exit-after", "1", code=2)["error"]
    assert said in wrong["message"]
    assert wrong["field"] == "--source"


def test_a_person_sees_address_login_and_passphrase_and_it_ends_by_itself(tmp_path):
    began, port = time.monotonic(), free_port()
    out, _ = plain(
        "demo", "--no-browser", "--port", str(port), "--source", str(CLIP), "--exit-after", "6", "--data", str(tmp_path)
    )
    assert 6 < time.monotonic() - began < 40
    login = json.loads((tmp_path / "demo-login.json").read_text())
    for text in (f"http://127.0.0.1:{port}", login["user"], login["password"], login["passphrase"]):
        assert text in out, text
    assert command("index", "check", "--data", str(tmp_path))["ok"] is True
    assert command("index", "rebuild", "--data", str(tmp_path))["indexed"] >= 1
    assert command("index", "check", "--data", str(tmp_path))["ok"] is True
