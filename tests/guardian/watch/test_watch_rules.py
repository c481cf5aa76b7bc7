"""Which detections count: thresholds, sizes and shapes by label, and masks for things."""

import pytest

from guardian.model.label_rule import LabelRule
from guardian.model.messages import ModelReady
from guardian.model.vision import Box, Detection
from guardian.model.zone import Mask
from guardian.watch.pipeline import WatchRules

LABELS = frozenset({"person", "cat"})
WIDE = 16 / 9
DRIVE = ((0.0, 0.5), (0.5, 0.5), (0.5, 1.0), (0.0, 1.0))


def found(label="person", x=0.25, foot=0.8, w=0.1, h=0.4):
    return Detection(label, 0.9, Box(x - w / 2, foot - h, x + w / 2, foot))


def test_a_label_has_a_threshold_of_its_own():
    model = ModelReady.__new__(ModelReady)
    object.__setattr__(model, "threshold", 0.42)
    rules = WatchRules(LABELS, per_label={"cat": LabelRule(min_score=0.7), "person": LabelRule(min_area=0.1)})
    assert (rules.threshold("cat", model), rules.threshold("person", model)) == (0.7, 0.42)
    general = WatchRules(LABELS, min_score=0.5, per_label={"cat": LabelRule(min_score=0.3)})
    assert (general.threshold("cat", model), general.threshold("person", model)) == (0.3, 0.5)


@pytest.mark.parametrize(
    ("rule", "admits"),
    [
        (LabelRule(), True),
        (LabelRule(min_area=0.03), True),  # it is 0.04
        (LabelRule(min_area=0.05), False),
        (LabelRule(max_area=0.05), True),
        (LabelRule(max_area=0.03), False),
        (LabelRule(min_ratio=0.4), True),  # 0.1 of the width over 0.4 of the height, at 16:9: 0.44
        (LabelRule(min_ratio=0.5), False),
        (LabelRule(max_ratio=0.5), True),
        (LabelRule(max_ratio=0.4), False),
    ],
)
def test_sizes_and_shapes(rule, admits):
    rules = WatchRules(LABELS, per_label={"person": rule})
    assert rules.admits(found(), WIDE) is admits
    assert rules.admits(found("cat"), WIDE), "another label is not concerned"


def test_what_stands_in_a_mask_is_not_seen():
    rules = WatchRules(LABELS, object_masks=(Mask(DRIVE, frozenset({"person"})),))
    assert not rules.admits(found(), WIDE)
    assert not rules.admits(found(foot=1.0), WIDE), "cut off by the picture's lower edge"
    assert rules.admits(found(foot=0.45), WIDE), "its feet decide"
    assert rules.admits(found(x=0.7), WIDE)
    assert rules.admits(found("cat"), WIDE)
