"""Names the colours of clothes and vehicles in an event's best pictures, without a model."""

from collections.abc import Sequence

from guardian.sdk import ClassifierKind, CropClassifier, Plugin, hookimpl

VEHICLES = frozenset({"car", "vehicle", "truck", "bus", "motorcycle"})


class ColoursPlugin(Plugin):
    """Brings the classifier `colours`."""

    @hookimpl
    def register_classifiers(self) -> Sequence[ClassifierKind]:
        return [ClassifierKind("colours", "Colours of clothes and vehicles", VEHICLES | {"person"}, _make)]


def _make() -> CropClassifier:
    from guardian_colours.colours import Colours  # OpenCV, only in the process where pictures are looked at

    return Colours()
