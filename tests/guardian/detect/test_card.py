"""Cards: least, full, and wrong ones, each with an error that names the field."""

import pytest

from guardian.detect.card import Card, parse_card, read_card, spec_of
from guardian.detect.families import FAMILIES
from guardian.model.errors import BadSetting

LEAST = {"family": "yolo", "width": 640, "height": 384}


def test_least_card_takes_the_familys_ways(tmp_path):
    spec = spec_of(parse_card(LEAST, "card"), tmp_path / "garden.onnx", "garden")
    assert (spec.width, spec.height, spec.threshold) == (640, 384, 0.4)
    assert len(spec.labels) == 80
    assert spec.labels[0] == "person"
    assert spec.labels[79] == "toothbrush"
    assert spec.option("colour") == "rgb"
    assert spec.option("scale") == "255,255,255"
    assert spec.option("pad") == "114"


def test_card_overrides_the_family(tmp_path):
    card = parse_card({**LEAST, "colour": "bgr", "pad": 0, "mean": [1, 2, 3], "iou": 0.7, "precision": "f32"}, "card")
    spec = spec_of(card, tmp_path / "x.onnx", "x")
    assert [spec.option(name) for name in ("colour", "pad", "mean", "iou", "precision")] == [
        "bgr",
        "0",
        "1,2,3",
        "0.7",
        "f32",
    ]


def test_labels_from_a_file_are_lower_case(tmp_path):
    (tmp_path / "labels.txt").write_text("Person\nHot Dog\n\n")
    spec = spec_of(Card(**{**LEAST, "labels": "labels.txt"}), tmp_path / "x.onnx", "x")
    assert spec.labels == ("person", "hot dog")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"family": "resnet"}, "family"),
        ({"width": 0}, "width"),
        ({"height": "tall"}, "height"),
        ({"threshold": 1.5}, "threshold"),
        ({"colour": "grey"}, "colour"),
        ({"colour_order": "rgb"}, "colour_order"),
        ({"mean": [1, 2]}, "mean.2"),
    ],
)
def test_a_wrong_field_is_named(change, field):
    with pytest.raises(BadSetting) as caught:
        parse_card({**LEAST, **change}, "garden.toml")
    assert caught.value.field == field
    assert "garden.toml" in caught.value.message
    assert caught.value.cure


def test_no_toml_is_told(tmp_path):
    (tmp_path / "x.toml").write_text("family = ")
    with pytest.raises(BadSetting, match=r"x\.toml"):
        read_card(tmp_path / "x.toml")


def test_missing_labels_file_is_told(tmp_path):
    with pytest.raises(BadSetting, match=r"labels file nothere\.txt"):
        spec_of(Card(**{**LEAST, "labels": "nothere.txt"}), tmp_path / "x.onnx", "x")


@pytest.mark.parametrize("change", [{"keep": ["unicorn"]}, {"same": [["person", "unicorn"]]}])
def test_keep_and_same_must_be_labels(change, tmp_path):
    with pytest.raises(BadSetting, match="unicorn"):
        spec_of(parse_card({**LEAST, **change}, "card"), tmp_path / "x.onnx", "x")


def test_every_family_has_three_channels():
    for family in FAMILIES.values():
        assert len(family.mean) == len(family.scale) == 3
        assert all(family.scale)
        assert family.colour in ("rgb", "bgr")
        assert 0 <= family.pad <= 255
