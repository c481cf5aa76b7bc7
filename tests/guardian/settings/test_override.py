"""Settings changed by words."""

from typing import Any

import pytest

from guardian.model.errors import BadRequest
from guardian.settings.load import validate
from guardian.settings.override import overridden

RAW: dict[str, Any] = {"cameras": {"front": {"kind": "file", "detect": {"fps": 3}}}}


@pytest.mark.parametrize(
    ("word", "path", "value"),
    [
        ("event_min_score=0.6", ("cameras", "front", "detect", "event_min_score"), 0.6),
        ("detect.min_seconds = 2", ("cameras", "front", "detect", "min_seconds"), 2),
        ('labels=["person"]', ("cameras", "front", "detect", "labels"), ["person"]),
        ("detector.model=yolox", ("detector", "model"), "yolox"),
        ("cameras.back.detect.fps=2", ("cameras", "back", "detect", "fps"), 2),
        ("stream=main", ("cameras", "front", "detect", "stream"), "main"),
        ("record.segment_s=10", ("cameras", "front", "record", "segment_s"), 10),
        ("event_min_score=none", ("cameras", "front", "detect", "event_min_score"), "none"),
    ],
)
def test_a_word_sets_a_setting(word: str, path: tuple[str, ...], value: object) -> None:
    found: Any = overridden(RAW, [word], "front")
    for part in path:
        found = found[part]
    assert found == value
    assert RAW == {"cameras": {"front": {"kind": "file", "detect": {"fps": 3}}}}, "nothing else is changed"


@pytest.mark.parametrize("word", ["event_min_score", "=1", "detector.model.name.x=1"])
def test_what_sets_nothing_is_refused(word: str) -> None:
    with pytest.raises(BadRequest) as caught:
        overridden({**RAW, "detector": {"model": "x"}}, [word], "front")
    assert caught.value.field == "--set"
    assert caught.value.cure


def test_an_unknown_key_is_for_the_validation_to_name() -> None:
    settings, faults = validate(overridden(RAW, ["event_min_scor=0.6"], "front"))
    assert settings is None
    assert faults[0].field == "cameras.front.detect.event_min_scor"
    assert "event_min_score" in faults[0].cure
