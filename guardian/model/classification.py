"""What a classifier says of one picture of one thing."""

from dataclasses import dataclass, field

from guardian.model.event import Attribute


@dataclass(frozen=True, slots=True)
class Classification:
    """`sub_label` (empty: no opinion) with its score in 0..1, and attributes with theirs."""

    sub_label: str = ""
    score: float = 0.0
    attributes: tuple[Attribute, ...] = field(default=())
