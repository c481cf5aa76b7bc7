"""Where each row of a network's output lies in the picture: SSD anchors and the grid points of anchor-free heads. Pure."""

from __future__ import annotations

from functools import lru_cache
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@lru_cache(maxsize=8)
def ssd_anchors(width: int, height: int) -> Floats:
    """Return anchors (N, 4) as centre x, centre y, width, height in 0..1.

    As `ssd_anchor_generator` of TensorFlow's object detection API makes them by default: six layers, scales 0.2..0.95,
    aspect ratios 1, 2, 1/2, 3, 1/3, a further square between scales, and three boxes only in the finest layer.
    """
    layers, low, high = 6, 0.2, 0.95
    scales = [low + (high - low) * i / (layers - 1) for i in range(layers)] + [1.0]
    rows, columns = ceil(height / 16), ceil(width / 16)
    parts = []
    for layer in range(layers):
        if layer == 0:
            shapes = [(0.1, 1.0), (scales[0], 2.0), (scales[0], 0.5)]
        else:
            shapes = [(scales[layer], ratio) for ratio in (1.0, 2.0, 0.5, 3.0, 1 / 3)]
            shapes.append((sqrt(scales[layer] * scales[layer + 1]), 1.0))
        y, x = np.meshgrid((np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns, indexing="ij")
        sizes = np.array([(scale * sqrt(ratio), scale / sqrt(ratio)) for scale, ratio in shapes])
        centres = np.repeat(np.stack([x, y], axis=-1).reshape(-1, 1, 2), len(shapes), axis=1)
        parts.append(np.concatenate([centres, np.broadcast_to(sizes, centres.shape)], axis=-1).reshape(-1, 4))
        rows, columns = ceil(rows / 2), ceil(columns / 2)
    return np.concatenate(parts).astype(np.float32)


@lru_cache(maxsize=16)
def grid(width: int, height: int, strides: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Return the cells' columns and rows (N, 2) and their strides (N, 1), finest stride first, row by row."""
    cells, steps = [], []
    for stride in strides:
        rows, columns = ceil(height / stride), ceil(width / stride)
        y, x = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
        cells.append(np.stack([x, y], axis=-1).reshape(-1, 2))
        steps.append(np.full((rows * columns, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(steps).astype(np.float32)
