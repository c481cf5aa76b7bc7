"""What several pictures of one thing say together: each says its sub-label and attributes with a score, better pictures
count for more, and what most of the weight says stands. Pure.
"""

from __future__ import annotations

from collections import defaultdict

from guardian.model.classification import Classification
from guardian.model.event import Attribute

SUB_LABEL = ""
LEAST = 0.35  # share of the weight that the winner must have: else pictures contradict each other
MOST_NAMES, MOST_VALUES, MOST_LENGTH = 16, 32, 64


class Votes:
    """All that was said of one event's thing."""

    def __init__(self) -> None:
        self._votes: dict[str, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))

    def add(self, said: Classification, weight: float) -> None:
        """Take what one picture says; `weight` is the picture's quality, above 0."""
        if said.sub_label:
            self._vote(SUB_LABEL, said.sub_label, said.score, weight)
        for attribute in said.attributes:
            if attribute.name and attribute.value:
                self._vote(attribute.name, attribute.value, attribute.score, weight)

    def _vote(self, name: str, value: str, score: float, weight: float) -> None:
        name, value = name[:MOST_LENGTH], value[:MOST_LENGTH]
        if name not in self._votes and len(self._votes) >= MOST_NAMES:
            return
        values = self._votes[name]
        if value in values or len(values) < MOST_VALUES:
            values[value].append((min(1.0, max(0.0, score)), weight))

    def result(self) -> tuple[str, tuple[Attribute, ...]]:
        """Return the sub-label (or nothing) and the attributes that stand, by name."""
        won = [self._winner(name) for name in sorted(self._votes)]
        standing = [one for one in won if one is not None]
        sub_label = next((one.value for one in standing if one.name == SUB_LABEL), "")
        return sub_label, tuple(one for one in standing if one.name != SUB_LABEL)

    def _winner(self, name: str) -> Attribute | None:
        weights = {value: sum(s * w for s, w in votes) for value, votes in self._votes[name].items()}
        total = sum(weights.values())
        if total <= 0:
            return None
        value = max(sorted(weights), key=lambda one: weights[one])
        share = weights[value] / total
        if share < LEAST:
            return None
        votes = self._votes[name][value]
        mean = sum(s * w for s, w in votes) / max(1e-9, sum(w for _, w in votes))
        return Attribute(name, value, round(share * mean, 3))
