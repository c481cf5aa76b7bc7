"""The inference process is killed, hangs, leaks, and is given broken models: recording does not notice, events resume."""

from __future__ import annotations

import json
import os
import signal
import time

import psutil
import pytest

from tests.support.house import ALL, command, set_up
from tests.support.plugin_folder import plugin
from tests.support.program import guardian, wait_for

pytestmark = [pytest.mark.torture, pytest.mark.timeout(180)]

LEAK = '''
import os
from guardian.sdk import DetectorKind, Plugin, hookimpl


class Leaking:
    """A detector of OpenVINO's that keeps 32 MiB of every look for ever."""

    parallel = 1

    def __init__(self, spec, device):
        from guardian_openvino.runtime import make

        self._real, self.device, self._kept = make(spec, device), "CPU (leaks)", []

    def infer(self, batch):
        if not os.path.exists(os.environ["LEAK_ENDS"]):
            self._kept.append(os.urandom(32 << 20))
        return self._real.infer(batch)

    def close(self):
        self._real.close()


class LeakPlugin(Plugin):
    @hookimpl
    def register_detectors(self):
        return [DetectorKind("leak", "Leak", 99, lambda spec: "", Leaking, lambda: ("CPU",))]
'''
DEMO = '[cameras.demo]\nkind = "file"\nsource = { path = "%s" }\nrecord.segment_s = 5\n'


def recorded(program):
    return program.get(f"/api/v1/cameras/demo/recordings?{ALL}")["items"]


def inference(program):
    return program.get("/api/v1/system")["inference"]


def newest_event(program):
    return max((event["start"] for event in program.get("/api/v1/events")["items"]), default="")


def run(tmp_path, config):
    from guardian.services.demo import CLIP

    set_up(tmp_path / "data", DEMO % CLIP + config)
    return guardian("run", "--data", str(tmp_path / "data"), data=tmp_path / "data")


def let_in(program):
    program.token = command("token", "create", "test", "--data", str(program.data))["token"]
    wait_for(lambda: program.camera("demo")["recording"] and inference(program)["ready"], 60, "recording and detection")


def goes_on(program, was, spans):
    """Assert that inference is another process, events resume, and recording has no new gap."""
    wait_for(lambda: program.pids().get("inference detector") not in (None, was), 20, "another process")
    wait_for(lambda: inference(program)["ready"], 30, "detection")
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    wait_for(lambda: newest_event(program) > since, 60, "an event")
    assert len(recorded(program)) == spans
    assert program.pids()["camera demo"]


def test_killed_and_hung(tmp_path):
    with run(tmp_path, "") as program:
        let_in(program)
        wait_for(lambda: newest_event(program), 60, "a first event")
        camera_pid, spans = program.pids()["camera demo"], len(recorded(program))
        for number in (signal.SIGKILL, signal.SIGSTOP):
            was = program.pids()["inference detector"]
            os.kill(was, number)
            began = time.monotonic()
            wait_for(lambda was=was: program.pids().get("inference detector") not in (None, was), 12, "another process")
            print(f"{signal.Signals(number).name}: another process after {time.monotonic() - began:.1f} s")
            goes_on(program, was, spans)
        assert program.pids()["camera demo"] == camera_pid
        findings = program.get("/api/v1/system")["findings"]
        assert [f for f in findings if "no sign of life" in f["message"] and f["cure"]]
        assert not psutil.pid_exists(was) or psutil.Process(was).status() == psutil.STATUS_ZOMBIE


def test_a_leak_is_ended_at_its_bound(tmp_path, monkeypatch):
    with plugin(tmp_path / "site", "guardian_leak", "LeakPlugin", LEAK, provides=["detector:leak"]) as site:
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])]))
        monkeypatch.setenv("LEAK_ENDS", str(tmp_path / "enough"))
        with run(tmp_path, '[detector]\nbackend = "leak"\nmemory_mib = 600\n') as program:
            let_in(program)
            assert inference(program)["backend"] == "leak"
            was, spans = program.pids()["inference detector"], len(recorded(program))
            wait_for(lambda: program.pids().get("inference detector") not in (None, was), 60, "the end of the leak")
            (tmp_path / "enough").touch()
            finding = wait_for(
                lambda: [f for f in program.get("/api/v1/system")["findings"] if "memory_mib = 600" in f["message"]],
                10,
                "a finding",
            )
            assert "raise detector.memory_mib" in finding[0]["cure"]
            goes_on(program, was, spans)
            assert len([line for line in program.log if "process_too_big" in line and "error" in line]) == 1


def test_broken_models_leave_the_one_before_running(tmp_path):
    from tests.support.detectors import shared

    with run(tmp_path, "") as program:
        let_in(program)
        models, good = program.data / "models", shared("models/yolox_nano.onnx").read_bytes()
        card = 'family = "yolox"\nwidth = 416\nheight = 416\n'
        for name, content, text in (
            ("corrupt", good[: len(good) // 2], card),
            ("wrong", good, card.replace("yolox", "nanodet")),
            ("fine", good, card),
        ):
            (models / f"{name}.onnx").write_bytes(content)
            (models / f"{name}.toml").write_text(text)
        was, spans = program.pids()["inference detector"], len(recorded(program))
        for wish, said in (
            ({"model": "corrupt"}, ("does not load", "detector.model", "may be damaged")),
            ({"model": "wrong"}, ("family nanodet has", "family", "Correct family")),
            ({"device": "NPU"}, ("finds no device NPU", "detector.device", "Choose AUTO")),
            ({"model": "nobody"}, ("there is no model", "detector.model", "Choose one of")),
        ):
            status, body = program.request("/api/v1/detector", method="PUT", body=wish)
            problem = json.loads(body)
            assert status == 400, body
            assert said[0] in problem["detail"]
            assert said[1] == problem["field"]
            assert said[2] in problem["cure"]
            assert (inference(program)["ready"], inference(program)["model"]) == (True, "default")
        answer = command("models", "use", "fine", "--data", str(program.data))
        assert answer["model"] == "fine"
        assert program.pids()["inference detector"] == was
        wait_for(lambda: inference(program)["inferences_per_s"] > 0, 30, "looks through the new model")
        assert 'model = "fine"' in (program.data / "config.toml").read_text()
        (account,) = inference(program)["cameras"]
        assert account["camera"] == "demo"
        assert account["answered"] > 0
        assert len(recorded(program)) == spans
        (models / "fine.onnx").write_bytes(good[:1000])  # the owner's file breaks while the model runs
        os.kill(was, signal.SIGKILL)
        wait_for(
            lambda: program.pids().get("inference detector", was) != was and inference(program)["ready"], 30, "detection"
        )
        assert inference(program)["model"] == "default"
        finding = [f for f in program.get("/api/v1/system")["findings"] if f["check"] == "detector"]
        assert "Until then default runs" in finding[0]["message"]
