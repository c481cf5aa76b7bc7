"""What a family is: how its input is prepared unless a card says otherwise, and how its outputs are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guardian.interfaces import ModelSpec
from guardian.model.errors import BadSetting

Floats = NDArray[np.float32]
Ints = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Candidates:
    """What one picture's outputs say above a floor: boxes (N, 4) as x1, y1, x2, y2 in 0..1, scores (N), classes (N)."""

    boxes: Floats
    scores: Floats
    classes: Ints


@dataclass(frozen=True, slots=True)
class Family:
    """A model family. Pixels become (value - mean) / scale a channel, in the order of `colour`.

    `decode(outputs, spec, floor)` reads the raw outputs of one picture (without the batch axis where the network has one).
    """

    name: str
    colour: str
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]
    pad: int
    iou: float
    decode: Callable[[Sequence[Floats], ModelSpec, float], Candidates]


def best_class(scores: Floats, floor: float) -> tuple[Ints, Ints, Floats]:
    """Of scores (N, classes) return the rows whose best reaches the floor, those classes, and those scores."""
    # Comparing all and looking closer at few is ten times quicker than a maximum over each short row.
    rows = np.unique(np.flatnonzero(scores >= floor) // scores.shape[1])
    likely = scores[rows]
    return rows, likely.argmax(axis=1), likely.max(axis=1)


def sigmoid(values: Floats) -> Floats:
    """1 / (1 + e^-x), without overflow."""
    result: Floats = (0.5 * (1.0 + np.tanh(0.5 * values))).astype(np.float32)
    return result


def logit(probability: float) -> float:
    """Inverse of the sigmoid: a score compared before the sigmoid is a sigmoid saved for each of some 46,000 values."""
    return (
        float(np.log(probability / (1 - probability))) if 0 < probability < 1 else (-np.inf if probability <= 0 else np.inf)
    )


def rows_of(output: Floats) -> Floats:
    """Take the batch axis of one off: (1, N, C) → (N, C)."""
    return output[0] if output.ndim == 3 and output.shape[0] == 1 else output


def input_size(spec: ModelSpec) -> Floats:
    """Return the input's width and height in pixels."""
    return np.array([spec.width, spec.height], np.float32)


def from_centres(centre: Floats, size: Floats) -> Floats:
    """Return corners (N, 4) of boxes given by centre x, y (N, 2) and width, height (N, 2)."""
    half = size / np.float32(2)
    return np.concatenate([centre - half, centre + half], axis=1)


def unexpected(spec: ModelSpec, outputs: Sequence[Floats], wanted: str) -> BadSetting:
    """The error for a model whose outputs are not its family's."""
    found = ", ".join("×".join(map(str, output.shape)) for output in outputs)
    return BadSetting(
        f"model {spec.name}: family {spec.family} has {wanted}, this file gives {found}",
        field="family",
        cure="Correct family, width, height or labels in its card.",
    )
