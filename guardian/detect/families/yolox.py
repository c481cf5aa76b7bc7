"""YOLOX (Ge et al. 2021): anchor-free, strides 8, 16, 32; offsets to the cell and log sizes, objectness times class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from guardian.detect.anchors import grid
from guardian.detect.families.family import (
    Candidates,
    Family,
    Floats,
    best_class,
    from_centres,
    input_size,
    rows_of,
    unexpected,
)
from guardian.interfaces import ModelSpec

STRIDES = (8, 16, 32)


def decode(outputs: Sequence[Floats], spec: ModelSpec, floor: float) -> Candidates:
    """One output (N, 5 + classes), before grid and exp."""
    data = rows_of(outputs[0])
    cells, steps = grid(spec.width, spec.height, STRIDES)
    if data.shape != (len(cells), 5 + len(spec.labels)):
        raise unexpected(spec, outputs, f"{len(cells)}×{5 + len(spec.labels)}")
    likely = np.flatnonzero(data[:, 4] >= floor)
    data, cells, steps = data[likely], cells[likely], steps[likely]
    if not len(likely):
        return Candidates(data[:, :4], data[:, 4], likely)
    rows, classes, best = best_class(data[:, 5:] * data[:, 4:5], floor)
    centre = (data[rows, :2] + cells[rows]) * steps[rows]
    size = np.exp(data[rows, 2:4]) * steps[rows]
    boxes = from_centres(centre / input_size(spec), size / input_size(spec))
    return Candidates(boxes, best, classes)


YOLOX = Family("yolox", "bgr", (0.0,) * 3, (1.0,) * 3, 114, 0.5, decode)
