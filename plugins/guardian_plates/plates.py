"""Which text on a vehicle is its plate: of the size and shape of one, and matching the owner's pattern."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from guardian.sdk import Attribute, Classification
from guardian_plates.config import PlatesConfig
from guardian_plates.text import Line, TextReader

LEAST_HEIGHT = 9.0  # pixels in the crop: below, networks guess
_NOT = re.compile(r"[^A-Z0-9]")


class Plates:
    """Implements `CropClassifier`."""

    def __init__(self, config: PlatesConfig) -> None:
        self._config = config
        self._pattern = re.compile(config.pattern)
        self._known = {_NOT.sub("", plate.upper()): name for plate, name in config.known.items()}
        self._reader = TextReader()

    def classify(self, picture: NDArray[np.uint8], label: str) -> Classification:
        """Read the plate of a vehicle."""
        lines = [line for line in self._reader.read(picture) if line.height >= LEAST_HEIGHT]
        return self._best(lines)

    def _best(self, lines: list[Line]) -> Classification:
        found = [(line.score, plate) for line in lines if (plate := self._plate(line))]
        if not found:
            return Classification()
        score, plate = max(found)
        name = self._known.get(plate, "")
        return Classification(name, score if name else 0.0, (Attribute("plate", plate, round(score, 3)),))

    def _plate(self, line: Line) -> str:
        text = _NOT.sub("", line.text.upper())
        return text if line.score >= self._config.min_score and self._pattern.fullmatch(text) else ""
