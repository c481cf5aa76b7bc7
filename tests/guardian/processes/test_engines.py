"""Which engine runs when the one that the settings name does not: what worked last, and what the owner is told."""

import numpy as np
import pytest

from guardian.model.errors import BadSetting, GuardianError
from guardian.processes import engines
from guardian.processes.engines import HintByLoad, engine_for, open_or_previous, previous, remember
from guardian.settings.schema import DetectorSettings, PluginsSettings
from tests.support.detectors import ONNXRUNTIME, OPENVINO, shared


@pytest.fixture(autouse=True)
def both_runtimes(monkeypatch):
    monkeypatch.setattr(engines, "runtimes", lambda *_: (OPENVINO, ONNXRUNTIME))


def open_in(folder, said):
    return lambda wish: engine_for(folder, wish, PluginsSettings(), said.append)


def run(folder, wish):
    said = []
    engine = open_or_previous(folder, wish, open_in(folder, said), said.append).engine
    engine.detect(np.zeros((1, engine.spec.height, engine.spec.width, 3), np.uint8))
    engine.close()
    return engine.ready, said


def own_model(folder, content, card):
    (folder / "models").mkdir(exist_ok=True)
    (folder / "models" / "mine.onnx").write_bytes(content)
    (folder / "models" / "mine.toml").write_text(card)
    return DetectorSettings(model="mine")


NANO = 'family = "yolox"\nwidth = 416\nheight = 416\n'


def test_a_corrupt_file_is_named_and_the_model_before_runs(tmp_path):
    good = shared("models/yolox_nano.onnx").read_bytes()
    wish = own_model(tmp_path, good, NANO)
    assert run(tmp_path, wish)[0].model == "mine"
    (tmp_path / "models" / "other.toml").write_text(NANO)
    (tmp_path / "models" / "other.onnx").write_bytes(good[: len(good) // 2])
    ready, said = run(tmp_path, DetectorSettings(model="other"))
    assert ready.model == "mine"
    assert "Detector.model: model other does not load" in said[-1]
    assert "other.onnx may be damaged" in said[-1]
    assert "Until then mine runs on CPU" in said[-1]


def test_wrong_outputs_are_named_and_the_embedded_model_runs(tmp_path):
    wish = own_model(tmp_path, shared("models/yolox_nano.onnx").read_bytes(), NANO.replace("yolox", "nanodet"))
    ready, said = run(tmp_path, wish)
    assert ready.model == "default"
    assert "Family: " in said[-1]
    assert "family nanodet has" in said[-1]
    assert "Correct family, width, height or labels in its card." in said[-1]


@pytest.mark.parametrize("device", ["NPU", "GPU.7", "nonsense"])
def test_a_missing_device_is_named_and_what_there_is_is_used(tmp_path, device):
    with pytest.raises(BadSetting, match="finds no device") as caught:
        open_in(tmp_path, [])(DetectorSettings(device=device))
    assert caught.value.field == "detector.device"
    assert "Choose AUTO or one of: CPU" in caught.value.cure
    ready, said = run(tmp_path, DetectorSettings(device=device))
    assert ready.device.startswith("CPU")
    assert "Detector.device: " in said[-1]


def test_what_worked_last_is_remembered_and_rubbish_is_not_believed(tmp_path):
    wish = DetectorSettings(model="x", backend="onnxruntime", device="CPU", threads=3)
    remember(tmp_path, wish)
    found = previous(tmp_path, DetectorSettings(threads=2))
    assert (found.model, found.backend, found.device, found.threads) == ("x", "onnxruntime", "CPU", 2)
    for rubbish in ("", "[]", '{"model": 1}', '{"model": "x"}'):
        (tmp_path / "models" / engines.LAST_GOOD).write_text(rubbish)
        assert previous(tmp_path, wish).model == "default"


def test_when_nothing_loads_the_wish_is_what_is_wrong(tmp_path):
    def nothing(wish):
        raise BadSetting(f"{wish.model} is broken", cure="Mend it.")

    with pytest.raises(GuardianError, match="mine is broken"):
        open_or_previous(tmp_path, DetectorSettings(model="mine"), nothing, lambda _: None)


def test_auto_means_latency_on_an_idle_accelerator_and_throughput_under_load():
    by_load = HintByLoad()
    hint, seen = "throughput", []
    for second in range(130):
        busy, skipped = (0.9, 0) if second == 70 else (0.05, int(second == 128))
        hint = by_load.next(float(second), hint, "GPU (x)", busy, skipped)
        seen.append(hint)
    assert seen[59:61] == ["throughput", "latency"]
    assert seen[69:72] == ["latency", "throughput", "throughput"]
    assert seen[128:] == ["throughput", "throughput"]
    assert HintByLoad().next(1e6, "latency", "CPU (x)", 0.0, 0) == "throughput"
