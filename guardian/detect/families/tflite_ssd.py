"""SSD from a TFLite file that was cut before `TFLite_Detection_PostProcess`: boxes, scores in 0..1, and its own anchors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from guardian.detect.families.family import Candidates, Family, Floats, best_class, rows_of, unexpected
from guardian.detect.families.ssd import decode_boxes
from guardian.interfaces import ModelSpec


def decode(outputs: Sequence[Floats], spec: ModelSpec, floor: float) -> Candidates:
    """Boxes (N, 4), scores (N, classes) and anchors (N, 4) as cy, cx, h, w, in this order."""
    parts = [rows_of(output) for output in outputs]
    if (
        len(parts) != 3
        or parts[0].shape != parts[2].shape
        or parts[0].shape[-1] != 4
        or parts[1].shape[-1] != len(spec.labels)
    ):
        raise unexpected(spec, outputs, f"N×4 boxes, N×{len(spec.labels)} scores and N×4 anchors")
    encoded, scores, anchors = parts
    rows, classes, best = best_class(scores[:, 1:], floor)
    boxes = decode_boxes(encoded[rows], anchors[rows][:, [1, 0, 3, 2]])
    return Candidates(boxes, best.astype(np.float32), classes + 1)


TFLITE_SSD = Family("tflite_ssd", "rgb", (127.5,) * 3, (127.5,) * 3, 128, 0.5, decode)
