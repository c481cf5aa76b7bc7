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
    centre = (np.tanh(box[:, :2]) + np.stack([x, y], axis=1)) / np.array([grid_columns, grid_rows])
    boxes = from_centres(centre.astype(np.float32), sigmoid(box[:, 2:]))
    return Candidates(boxes, best, classes)


FASTESTDET = Family("fastestdet", "bgr", (0.0,) * 3, (255.0,) * 3, 114, 0.45, decode)
