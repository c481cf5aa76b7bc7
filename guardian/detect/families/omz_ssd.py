"""Open Model Zoo detectors that end in `DetectionOutput`: rows of image, class, score, x1, y1, x2, y2."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from guardian.detect.families.family import Candidates, Family, Floats, unexpected
from guardian.interfaces import ModelSpec


def decode(outputs: Sequence[Floats], spec: ModelSpec, floor: float) -> Candidates:
    """One output (1, 1, N, 7); a row whose image is -1 ends the list."""
    if outputs[0].shape[-1] != 7:
        raise unexpected(spec, outputs, "N×7")
    rows = outputs[0].reshape(-1, 7)
    ends = np.flatnonzero(rows[:, 0] < 0)
    rows = rows[: ends[0]] if len(ends) else rows
    rows = rows[rows[:, 2] >= floor]
    classes = rows[:, 1].astype(np.intp)
    known = (classes >= 0) & (classes < len(spec.labels))
    return Candidates(rows[known, 3:7], rows[known, 2], classes[known])


OMZ_SSD = Family("omz_ssd", "bgr", (0.0,) * 3, (1.0,) * 3, 114, 0.5, decode)
