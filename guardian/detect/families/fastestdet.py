"""FastestDet: one cell grid; objectness^0.6 × class^0.4, tanh offsets, sigmoid sizes as shares of the picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from guardian.detect.families.family import Candidates, Family, Floats, best_class, from_centres, sigmoid, unexpected
from guardian.interfaces import ModelSpec


def decode(outputs: Sequence[Floats], spec: ModelSpec, floor: float) -> Candidates:
    """One output (5 + classes, rows, columns)."""
    data = outputs[0][0] if outputs[0].ndim == 4 else outputs[0]
    if data.ndim != 3 or data.shape[0] != 5 + len(spec.labels):
        raise unexpected(spec, outputs, f"{5 + len(spec.labels)}×rows×columns")
    _, grid_rows, grid_columns = data.shape
    flat = data.reshape(data.shape[0], -1).T
    rows, classes, best = best_class(flat[:, :1] ** 0.6 * flat[:, 5:] ** 0.4, floor)
    y, x = np.divmod(rows, grid_columns)
    box = flat[rows, 1:5]
    centre_x = (np.tanh(box[:, 0]) + x) / grid_columns
    centre_y = (np.tanh(box[:, 1]) + y) / grid_rows
    boxes = from_centres(centre_x, centre_y, sigmoid(box[:, 2]), sigmoid(box[:, 3]))
    return Candidates(boxes.astype(np.float32), best, classes)


FASTESTDET = Family("fastestdet", "bgr", (0.0,) * 3, (255.0,) * 3, 114, 0.45, decode)
