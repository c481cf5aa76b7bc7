"""NanoDet: anchor-free; each side's distance is the mean of a distribution over bins (generalised focal loss, Li et al. 2020)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from guardian.detect.anchors import grid
from guardian.detect.families.family import Candidates, Family, Floats, best_class, input_size, rows_of, unexpected
from guardian.interfaces import ModelSpec

STRIDES = (8, 16, 32)


def decode(outputs: Sequence[Floats], spec: ModelSpec, floor: float) -> Candidates:
    """A scores (n, classes) and a distances (n, 4 × bins) output for each stride, in any order; or both in one (n, sum)."""
    parts = [rows_of(output) for output in outputs]
    classes_count = len(spec.labels)
    cells, steps = grid(spec.width, spec.height, STRIDES)
    middle = (steps - 1) / 2  # of a cell's pixels
    if len(parts) == 1 and parts[0].shape[1] > classes_count:  # NanoDet-Plus: one output, and points at the cells' corners
        middle = np.zeros_like(steps)
        parts = [parts[0][:, :classes_count], parts[0][:, classes_count:]]
    scores_parts = sorted((part for part in parts if part.shape[1] == classes_count), key=len, reverse=True)
    bins_parts = sorted((part for part in parts if part.shape[1] != classes_count), key=len, reverse=True)
    if sum(map(len, scores_parts)) != len(cells) or sum(map(len, bins_parts)) != len(cells):
        raise unexpected(spec, outputs, f"{len(cells)} rows of {classes_count} scores, and of 4 distances in bins")
    rows, classes, best = best_class(np.concatenate(scores_parts), floor)
    distances = _mean_of_bins(np.concatenate(bins_parts)[rows]) * steps[rows]
    centre = cells[rows] * steps[rows] + middle[rows]
    size = input_size(spec)
    boxes = np.concatenate([(centre - distances[:, :2]) / size, (centre + distances[:, 2:]) / size], axis=1)
    return Candidates(boxes.astype(np.float32), best, classes)


def _mean_of_bins(values: Floats) -> Floats:
    """Softmax over the bins of each side, and its mean: (n, 4 × bins) → (n, 4) as left, top, right, bottom in strides."""
    bins = values.reshape(len(values), 4, values.shape[1] // 4)
    weights = np.exp(bins - bins.max(axis=2, keepdims=True))
    mean: Floats = (weights * np.arange(bins.shape[2])).sum(axis=2) / weights.sum(axis=2)
    return mean.astype(np.float32)


NANODET = Family("nanodet", "bgr", (103.53, 116.28, 123.675), (57.375, 57.12, 58.395), 114, 0.6, decode)
