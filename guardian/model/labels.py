"""Which labels models mix up with one another, and which things stand still by nature."""

_KIN = {
    "vehicle": frozenset({"car", "vehicle", "truck", "bus", "train", "boat"}),
    "cycle": frozenset({"bicycle", "motorcycle", "motorbike"}),
    "animal": frozenset({"cat", "dog", "cattle", "cow", "sheep", "horse", "bear", "bird", "fox"}),
}
_KIN_OF = {label: kin for kin, labels in _KIN.items() for label in labels}


def kin(label: str) -> str:
    """Return the kind of thing a label names: labels of one kin may be one thing that was named differently twice."""
    return _KIN_OF.get(label, label)


def is_parked_by_nature(label: str) -> bool:
    """Say whether things of this label stand about for hours and matter only when they move: cars, bicycles."""
    return kin(label) in ("vehicle", "cycle")
