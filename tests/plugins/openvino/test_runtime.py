"""OpenVINO as a detector runtime: normalisation inside the graph, streams, checks of card against file, TFLite cut."""

import threading
import tomllib
from dataclasses import replace
from pathlib import Path

import guardian_openvino
import numpy as np
import pytest
from guardian_openvino import OpenVinoPlugin, runtime

from guardian.sdk import BadSetting, Health, PluginConfig, PluginContext
from tests.support.detectors import ONNXRUNTIME, OPENVINO, spec


def plugin():
    return OpenVinoPlugin(PluginConfig(), PluginContext("openvino", Path("/nowhere"), tuple, None))


def noise(size, count=1):
    return np.random.default_rng(3).integers(0, 256, (count, size, size, 3), np.uint8)


def exact(the_spec):
    return replace(the_spec, options=(*the_spec.options, ("precision", "f32")))


@pytest.mark.parametrize("model", ["default", "yolox_nano.onnx", "nanodet_416.onnx", "yolov8n_320.onnx"])
def test_both_runtimes_give_the_same_raw_outputs(model):
    """NHWC and NCHW, RGB and BGR, four ways to normalise: mean and scale reach the network alike."""
    the_spec = exact(spec(model))
    ours, other = OPENVINO.make(the_spec, "CPU"), ONNXRUNTIME.make(the_spec, "CPU")
    pictures = noise(the_spec.width)
    for a, b in zip(ours.infer(pictures)[0], other.infer(pictures)[0], strict=True):
        assert a.dtype == b.dtype == np.float32
        assert a.shape == b.shape
        assert np.abs(a - b).max() < 2e-3 * max(1.0, np.abs(b).max())
    ours.close()
    other.close()


def test_a_batch_is_one_answer_a_picture():
    detector = OPENVINO.make(exact(spec("default")), "AUTO")
    pictures = noise(300, 3)
    together = detector.infer(pictures)
    assert len(together) == 3
    for index in range(3):
        alone = detector.infer(pictures[index : index + 1])[0]
        assert all(np.array_equal(a, b) for a, b in zip(together[index], alone, strict=True))
    detector.close()


def test_threads_beside_each_other_do_not_mix_their_answers():
    detector = OPENVINO.make(exact(spec("default")), "CPU")
    pictures = noise(300, 4)
    expected = [detector.infer(pictures[i : i + 1])[0][0] for i in range(4)]
    wrong = []

    def ask(index):
        for _ in range(6):
            got = detector.infer(pictures[index : index + 1])[0][0]
            if not np.allclose(got, expected[index], atol=1e-4):
                wrong.append(index)

    threads = [threading.Thread(target=ask, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    detector.close()


def test_the_answer_stays_when_the_next_picture_comes():
    detector = OPENVINO.make(spec("default"), "CPU")
    first = detector.infer(noise(300))[0][0]
    copy = first.copy()
    detector.infer(np.zeros((1, 300, 300, 3), np.uint8))
    assert np.array_equal(first, copy)
    detector.close()


def test_quantised_tflite_gives_boxes_scores_and_anchors():
    detector = OPENVINO.make(spec("coco_ssd_mobilenet_v1_1.0_quant.tflite"), "CPU")
    boxes, scores, anchors = detector.infer(noise(300))[0]
    assert boxes.shape[-2:] == anchors.shape[-2:] == (1917, 4)
    assert scores.shape[-2:] == (1917, 91)
    assert scores.min() >= 0
    assert scores.max() <= 1.001
    detector.close()


def test_a_card_that_does_not_fit_the_file_is_told():
    with pytest.raises(BadSetting, match="takes 1×300×300×3, its card says 320×300"):
        OPENVINO.make(replace(spec("default"), width=320), "CPU")


def test_a_device_that_is_not_there_is_told():
    with pytest.raises(BadSetting, match="no device TPU") as caught:
        OPENVINO.make(spec("default"), "TPU")
    assert "CPU" in caught.value.cure


def test_what_it_can_run(tmp_path):
    base = spec("default")
    assert runtime.can_run(base) == ""
    assert "not for OpenVINO" in runtime.can_run(replace(base, path="model.pt"))
    (tmp_path / "model.xml").write_text("<net/>")
    assert ".bin" in runtime.can_run(replace(base, path=str(tmp_path / "model.xml")))
    (tmp_path / "model.bin").write_bytes(b"")
    assert runtime.can_run(replace(base, path=str(tmp_path / "model.xml"))) == ""


def test_threads_and_cache_are_taken_from_the_options(tmp_path):
    base = spec("default")
    one = OPENVINO.make(replace(base, options=(*base.options, ("threads", "1"), ("cache_dir", str(tmp_path)))), "CPU")
    assert one.parallel == 1
    assert list(tmp_path.glob("*"))
    one.close()


def test_plugin_offers_what_its_manifest_says():
    manifest = tomllib.loads(Path(guardian_openvino.__file__).with_name("plugin.toml").read_text())
    [kind] = plugin().register_detectors()
    assert manifest["provides"] == [f"detector:{kind.name}"]
    [check] = plugin().register_health_checks()
    [finding] = check.run()
    assert finding.health == Health.OK
    assert "CPU" in finding.message


def test_health_tells_when_it_does_not_load(monkeypatch):
    def broken():
        raise ImportError("libtbb.so.12")

    monkeypatch.setattr(guardian_openvino, "devices", broken)
    [finding] = plugin().register_health_checks()[0].run()
    assert finding.health == Health.WARNING
    assert "libtbb" in finding.message
    assert finding.cure
    monkeypatch.setattr(guardian_openvino, "devices", tuple)
    assert "no device" in plugin().register_health_checks()[0].run()[0].message
