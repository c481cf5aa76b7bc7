"""What models there are, and that the embedded one is what its checksums say."""

import hashlib

import pytest

from guardian.detect.card import MODELS, read_card
from guardian.detect.catalogue import Catalogue
from guardian.model.errors import BadSetting, NotFound

CARD = 'family = "yolo"\nwidth = 320\nheight = 320\n'


def test_the_embedded_model_is_whole_and_carries_its_papers():
    folder = MODELS / "default"
    for line in (folder / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    card = read_card(folder / "card.toml")
    assert card.sha256 == hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    assert card.licence == "Apache-2.0"
    for name in ("LICENSE", "NOTICE", "MODEL_CARD.md"):
        assert (folder / name).stat().st_size > 300


def test_the_embedded_model_reports_home_words(tmp_path):
    spec = Catalogue(tmp_path).find("default")
    assert spec.keep == {"person", "cat", "dog", "car", "bicycle", "vehicle", "cattle"}
    assert spec.threshold >= 0.42
    assert len(spec.labels) == 24
    assert spec.labels[4] == "person"


def test_published_models_are_complete(tmp_path):
    catalogue = Catalogue(tmp_path)
    assert set(catalogue.published) == {"yolox-s", "nanodet", "omz-2000", "omz-2002", "yunet"}
    for card in catalogue.published.values():
        assert card.licence == ("MIT" if card.name == "yunet" else "Apache-2.0")
        assert all(file.url.startswith("https://") for file in card.files)


def test_states(tmp_path):
    (tmp_path / "nanodet").mkdir()
    (tmp_path / "nanodet" / "object_detection_nanodet_2022nov.onnx").write_bytes(b"x")
    (tmp_path / "garden.toml").write_text(CARD)
    (tmp_path / "garden.onnx").write_bytes(b"x")
    (tmp_path / "lonely.toml").write_text(CARD)
    (tmp_path / "wrong.toml").write_text("family = 3")
    states = {entry.name: entry.state for entry in Catalogue(tmp_path).entries()}
    assert states == {
        "default": "embedded",
        "yolox-s": "available",
        "nanodet": "installed",
        "omz-2000": "available",
        "omz-2002": "available",
        "yunet": "available",
        "garden": "own",
        "lonely": "broken",
        "wrong": "broken",
    }
    assert Catalogue(tmp_path).find("garden").path == str(tmp_path / "garden.onnx")
    with pytest.raises(BadSetting, match="no model beside it"):
        Catalogue(tmp_path).find("lonely")


def test_one_that_is_not_here_says_how_to_get_it(tmp_path):
    with pytest.raises(BadSetting) as caught:
        Catalogue(tmp_path).find("yolox-s")
    assert "guardian models pull yolox-s" in caught.value.cure


def test_unknown_names_list_the_known(tmp_path):
    with pytest.raises(BadSetting) as caught:
        Catalogue(tmp_path).find("yolo99")
    assert "yolox-s" in caught.value.cure
    with pytest.raises(NotFound):
        Catalogue(tmp_path).to_fetch("default")


def test_custom_models_by_path(tmp_path):
    (tmp_path / "my.onnx").write_bytes(b"x")
    catalogue = Catalogue(tmp_path / "none")
    with pytest.raises(BadSetting) as caught:
        catalogue.find(str(tmp_path / "my.onnx"))
    assert "my.toml" in caught.value.cure
    assert "family" in caught.value.cure
    (tmp_path / "my.toml").write_text(CARD)
    spec = catalogue.find(str(tmp_path / "my.onnx"))
    assert (spec.name, spec.family) == ("my", "yolo")
    with pytest.raises(BadSetting, match="no model file"):
        catalogue.find(str(tmp_path / "other.onnx"))
    (tmp_path / "my.pt").write_bytes(b"x")
    with pytest.raises(BadSetting, match="no model format"):
        catalogue.find(str(tmp_path / "my.pt"))


def test_a_model_for_a_plugin_is_no_detector(tmp_path):
    with pytest.raises(BadSetting) as refused:
        Catalogue(tmp_path).find("yunet")
    assert "faces" in refused.value.message
    assert "yunet" not in refused.value.cure
    assert Catalogue(tmp_path).to_fetch("yunet").task == "faces"
