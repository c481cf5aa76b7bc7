"""Detections that another machine has decoded and suppressed already: rows of x1, y1, x2, y2 in 0..1, score, class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from guardian.detect.families.family import Candidates, Family, Floats, unexpected
from guardian.interfaces import ModelSpec


def decode(outputs: Sequence[Floats], spec: ModelSpec, floor: float) -> Candidates:
    """One array of (N, 6)."""
    if len(outputs) != 1 or outputs[0].ndim != 2 or outputs[0].shape[1] != 6:
        raise unexpected(spec, outputs, "rows of 6 numbers")
    rows = outputs[0][outputs[0][:, 4] >= floor]
    classes = rows[:, 5].astype(np.intp)
    if len(classes) and not (classes.min() >= 0 and classes.max() < len(spec.labels)):
        raise ValueError("a class that the model has no label for")
    return Candidates(rows[:, :4], rows[:, 4], classes)


DETECTIONS = Family("detections", "rgb", (0.0,) * 3, (1.0,) * 3, 128, 1.0, decode)
