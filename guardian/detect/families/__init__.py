"""One file a model family: what its raw outputs mean. Pure numpy; each family is a row of `FAMILIES`."""

from guardian.detect.families.detections import DETECTIONS
from guardian.detect.families.family import Candidates, Family
from guardian.detect.families.fastestdet import FASTESTDET
from guardian.detect.families.nanodet import NANODET
from guardian.detect.families.omz_ssd import OMZ_SSD
from guardian.detect.families.ssd import SSD
from guardian.detect.families.tflite_ssd import TFLITE_SSD
from guardian.detect.families.yolo import YOLO
from guardian.detect.families.yolox import YOLOX

FAMILIES: dict[str, Family] = {
    family.name: family for family in (SSD, TFLITE_SSD, YOLO, YOLOX, NANODET, FASTESTDET, OMZ_SSD, DETECTIONS)
}

__all__ = ["FAMILIES", "Candidates", "Family"]
