"""Anchors and grids against numbers that are known from elsewhere."""

import numpy as np
import pytest

from guardian.detect.anchors import grid, ssd_anchors


def test_ssd_300_has_1917_anchors():
    assert ssd_anchors(300, 300).shape == (1917, 4)


def test_first_and_last_ssd_anchor():
    anchors = ssd_anchors(300, 300)
    assert anchors[0] == pytest.approx([0.5 / 19, 0.5 / 19, 0.1, 0.1])
    assert anchors[1] == pytest.approx([0.5 / 19, 0.5 / 19, 0.2 * 2**0.5, 0.2 / 2**0.5])
    assert anchors[-1] == pytest.approx([0.5, 0.5, 0.95**0.5, 0.95**0.5])


def test_anchors_run_row_by_row():
    anchors = ssd_anchors(300, 300)
    assert anchors[3][0] > anchors[0][0]
    assert anchors[3][1] == anchors[0][1]


def test_they_are_those_that_a_real_model_carries():
    """The quantised COCO model holds the anchors of the same generator, as cy, cx, h, w."""
    from tests.support.detectors import OPENVINO, spec

    detector = OPENVINO.make(spec("coco_ssd_mobilenet_v1_1.0_quant.tflite"), "CPU")
    carried = detector.infer(np.zeros((1, 300, 300, 3), np.uint8))[0][2]
    detector.close()
    assert carried.shape == (1917, 4)
    assert np.abs(carried[:, [1, 0, 3, 2]] - ssd_anchors(300, 300)).max() < 0.006  # one step of their quantisation


def test_grid_of_416():
    cells, steps = grid(416, 416, (8, 16, 32))
    assert len(cells) == len(steps) == 52 * 52 + 26 * 26 + 13 * 13 == 3549
    assert cells[1].tolist() == [1, 0]
    assert cells[52].tolist() == [0, 1]
    assert steps[0] == 8
    assert steps[-1] == 32
    assert cells[-1].tolist() == [12, 12]


def test_grid_that_is_not_square():
    cells, _ = grid(64, 32, (32,))
    assert cells.tolist() == [[0, 0], [1, 0]]
