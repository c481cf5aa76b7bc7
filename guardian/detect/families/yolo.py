"""YOLO as Ultralytics exports it: v8, v9, v11 (4 + classes, boxes in pixels) and v5 (4 + objectness + classes)."""

from __future__ import annotations

from collections.abc import Sequence

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


def decode(outputs: Sequence[Floats], spec: ModelSpec, floor: float) -> Candidates:
    """One output (4 + [1] + classes, N) or its transpose; centre, size in pixels of the input."""
    data = rows_of(outputs[0])
    classes = len(spec.labels)
    widths = (classes + 4, classes + 5)
    if data.ndim == 2 and data.shape[1] not in widths and data.shape[0] in widths:
        data = data.T
    if data.ndim != 2 or data.shape[1] not in widths:
        raise unexpected(spec, outputs, f"N×{widths[0]} (v8, v9, v11) or N×{widths[1]} (v5)")
    if data.shape[1] == widths[1]:
        data = data[data[:, 4] >= floor]  # class scores are at most 1, so the product cannot pass either
        scores = data[:, 5:] * data[:, 4:5]
    else:
        scores = data[:, 4:]
    if not len(data):
        return Candidates(data[:, :4], data[:, 4], data[:, 4].astype(int))
    rows, found, best = best_class(scores, floor)
    size = input_size(spec)
    corners = from_centres(data[rows, :2] / size, data[rows, 2:4] / size)
    return Candidates(corners, best, found)


YOLO = Family("yolo", "rgb", (0.0,) * 3, (255.0,) * 3, 114, 0.5, decode)
