"""SSD before its post-processing (Liu et al. 2016): box offsets to anchors and class logits, class 0 the background."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from guardian.detect.anchors import ssd_anchors
from guardian.detect.families.family import (
    Candidates,
    Family,
    Floats,
    best_class,
    from_centres,
    logit,
    rows_of,
    sigmoid,
    unexpected,
)
from guardian.interfaces import ModelSpec

CENTRE_SCALE, SIZE_SCALE = (
    np.float32(10),
    np.float32(5),
)  # of TensorFlow's box coder: y_scale, x_scale 10, height_scale, width_scale 5


def decode_boxes(encoded: Floats, anchors: Floats) -> Floats:
    """Return corners of boxes (N, 4) encoded as ty, tx, th, tw to anchors cx, cy, w, h."""
    centre = encoded[:, [1, 0]] / CENTRE_SCALE * anchors[:, 2:] + anchors[:, :2]
    size = np.exp(encoded[:, [3, 2]] / SIZE_SCALE) * anchors[:, 2:]
    return from_centres(centre, size)


def decode(outputs: Sequence[Floats], spec: ModelSpec, floor: float) -> Candidates:
    """Boxes (N, 4) and scores (N, classes), in either order."""
    parts = [rows_of(output) for output in outputs]
    classes_count = len(spec.labels)
    anchors = ssd_anchors(spec.width, spec.height)
    by_columns = {part.shape[1]: part for part in parts if part.ndim == 2 and part.shape[0] == len(anchors)}
    if set(by_columns) != {4, classes_count}:
        raise unexpected(spec, outputs, f"{len(anchors)}×4 boxes and {len(anchors)}×{classes_count} scores")
    rows, classes, best = best_class(by_columns[classes_count][:, 1:], logit(floor))
    return Candidates(decode_boxes(by_columns[4][rows], anchors[rows]), sigmoid(best), classes + 1)


SSD = Family("ssd", "rgb", (127.5,) * 3, (127.5,) * 3, 128, 0.5, decode)
