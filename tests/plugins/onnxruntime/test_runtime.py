"""ONNX Runtime as a detector runtime."""

import tomllib
from dataclasses import replace
from pathlib import Path

import guardian_onnxruntime
import numpy as np
import pytest
from guardian_onnxruntime import OnnxRuntimePlugin, runtime

from guardian.sdk import BadSetting, Health, PluginConfig, PluginContext
from tests.support.detectors import ONNXRUNTIME, spec


def plugin():
    return OnnxRuntimePlugin(PluginConfig(), PluginContext("onnxruntime", Path("/nowhere"), tuple, None))


def test_normalises_as_the_card_says():
    detector = ONNXRUNTIME.make(spec("nanodet_416.onnx"), "AUTO")
    picture = np.zeros((416, 416, 3), np.uint8)
    picture[5, 6] = (10, 20, 30)
    ready = detector._prepare(picture)
    assert ready.shape == (1, 3, 416, 416)
    expected = (np.array([10, 20, 30]) - [103.53, 116.28, 123.675]) / [57.375, 57.12, 58.395]
    assert ready[0, :, 5, 6] == pytest.approx(expected, abs=1e-5)
    detector.close()


def test_one_answer_a_picture():
    detector = ONNXRUNTIME.make(spec("default"), "CPU")
    answers = detector.infer(np.zeros((2, 300, 300, 3), np.uint8))
    assert [[output.shape for output in answer] for answer in answers] == [[(1, 1917, 4), (1, 1917, 24)]] * 2
    detector.close()


def test_a_card_that_does_not_fit_the_file_is_told():
    with pytest.raises(BadSetting, match="takes 300×300 pixels, its card says 320×300"):
        ONNXRUNTIME.make(replace(spec("default"), width=320), "CPU")


def test_a_device_that_is_not_there_is_told():
    with pytest.raises(BadSetting, match="no TPU"):
        ONNXRUNTIME.make(spec("default"), "TPU")


def test_what_it_can_run():
    assert runtime.can_run(spec("default")) == ""
    assert "not for ONNX Runtime" in runtime.can_run(replace(spec("default"), path="model.xml"))


def test_pictures_never_go_to_a_provider_in_the_cloud():
    assert not any("azure" in device.lower() for device in runtime.devices())


def test_plugin_offers_what_its_manifest_says():
    manifest = tomllib.loads(Path(guardian_onnxruntime.__file__).with_name("plugin.toml").read_text())
    [kind] = plugin().register_detectors()
    assert manifest["provides"] == [f"detector:{kind.name}"]
    assert manifest["extra"] == "onnx"
    [finding] = plugin().register_health_checks()[0].run()
    assert finding.health == Health.OK
    assert "CPU" in finding.message


def test_health_tells_when_it_does_not_load(monkeypatch):
    def broken():
        raise ImportError("libonnxruntime.so")

    monkeypatch.setattr(guardian_onnxruntime, "devices", broken)
    [finding] = plugin().register_health_checks()[0].run()
    assert finding.health == Health.WARNING
    assert "libonnxruntime" in finding.message
