"""Reads number plates of vehicles with text models that the package rapidocr carries inside; nothing is fetched."""

from collections.abc import Sequence

from guardian.sdk import ClassifierKind, CropClassifier, Plugin, hookimpl
from guardian_plates.config import PlatesConfig

VEHICLES = frozenset({"car", "vehicle", "truck", "bus", "motorcycle"})


class PlatesPlugin(Plugin):
    """Brings the classifier `plates`."""

    Config = PlatesConfig

    @hookimpl
    def register_classifiers(self) -> Sequence[ClassifierKind]:
        return [ClassifierKind("plates", "Number plates", VEHICLES, self._make)]

    def _make(self) -> CropClassifier:
        from guardian_plates.plates import Plates  # OpenVINO and the models, only where pictures are looked at

        assert isinstance(self.config, PlatesConfig)
        return Plates(self.config)
