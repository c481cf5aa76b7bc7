"""A model's card: the `.toml` beside its file that says what it is, what it wants and what its outputs mean.

Least card of a custom model, `garden.toml` beside `garden.onnx`:

    family = "yolo"
    width = 640
    height = 640
    labels = "coco80"        # or a list, or the name of a text file beside it
    threshold = 0.35
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from guardian.detect.families import FAMILIES
from guardian.interfaces import ModelSpec
from guardian.model.errors import BadSetting

MODELS = Path(__file__).with_name("models")
SUFFIXES = (".onnx", ".xml", ".tflite")
_Three = tuple[float, float, float]


class ModelFile(BaseModel):
    """One file of a model that can be fetched."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    url: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int = Field(gt=0)


class Card(BaseModel):
    """The card's fields. What is not given is the family's usual."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    family: str = Field(description="ssd, tflite_ssd, yolo, yolox, nanodet, fastestdet or omz_ssd.")
    width: int = Field(ge=16, le=4096, description="Input width in pixels.")
    height: int = Field(ge=16, le=4096, description="Input height in pixels.")
    labels: str | tuple[str, ...] = Field(
        "coco80", description="coco80, a list, or a text file beside the card, one label a line."
    )
    threshold: float = Field(0.4, gt=0, lt=1, description="Score from which a detection is to be believed.")
    task: str = Field("detect", pattern="^(detect|faces)$", description="detect, or faces: for a plugin, not as a detector.")
    name: str = Field("", description="Empty: the file's name.")
    title: str = ""
    file: str = Field("", description="The model's file; empty: the one with the card's name.")
    colour: str | None = Field(None, pattern="^(rgb|bgr)$")
    mean: _Three | None = Field(None, description="Taken from each channel, in the order of colour.")
    scale: _Three | None = Field(None, description="Then divides it.")
    pad: int | None = Field(None, ge=0, le=255, description="Letterbox fill.")
    iou: float | None = Field(None, gt=0, lt=1, description="Overlap above which the weaker box falls.")
    keep: tuple[str, ...] = Field((), description="Labels to report; empty: all.")
    same: tuple[tuple[str, ...], ...] = Field((), description="Labels that suppress each other: one thing, one label.")
    precision: str = Field("", description="f32 where a runtime's faster arithmetic harms; empty: the runtime's choice.")
    licence: str = ""
    source: str = ""
    note: str = ""
    map_50_95: float | None = Field(None, description="Mean average precision on COCO, where published.")
    files: tuple[ModelFile, ...] = Field((), description="Where the catalogue fetches it.")
    sha256: str = ""


def parse_card(data: dict[str, object], where: str) -> Card:
    """Return a validated card; BadSetting names the field."""
    try:
        card = Card.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise BadSetting(f"{where}: {field}: {first['msg']}", field=field, cure="Correct the model's card.") from error
    if card.task == "detect" and card.family not in FAMILIES:
        raise BadSetting(
            f"{where}: family: there is no model family {card.family!r}",
            field="family",
            cure=f"Choose one of: {', '.join(FAMILIES)}.",
        )
    return card


def read_card(path: Path) -> Card:
    """Read a card file."""
    try:
        return parse_card(tomllib.loads(path.read_text(encoding="utf-8")), path.name)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSetting(f"{path.name}: {error}", cure="Correct the model's card.") from error


def labels_of(card: Card, folder: Path) -> tuple[str, ...]:
    """Return a card's labels, lower-case, in the order of the network's classes."""
    if isinstance(card.labels, tuple):
        lines = list(card.labels)
    else:
        path = MODELS / "coco80.txt" if card.labels == "coco80" else folder / card.labels
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise BadSetting(
                f"labels file {path.name}: {error.strerror}", field="labels", cure="Put it beside the card."
            ) from error
    return tuple(line.strip().lower() for line in lines if line.strip())


def spec_of(card: Card, path: Path, name: str) -> ModelSpec:
    """Return what engine and runtimes need to know of the model in `path`."""
    family = FAMILIES[card.family]
    options = {
        "colour": card.colour or family.colour,
        "mean": ",".join(f"{value:g}" for value in card.mean or family.mean),
        "scale": ",".join(f"{value:g}" for value in card.scale or family.scale),
        "pad": str(family.pad if card.pad is None else card.pad),
        "iou": f"{card.iou or family.iou:g}",
        "same": ";".join(",".join(group) for group in card.same),
        "precision": card.precision,
    }
    labels = labels_of(card, path.parent)
    unknown = (set(card.keep) | {label for group in card.same for label in group}) - set(labels)
    if unknown:
        raise BadSetting(
            f"card of {name}: {', '.join(sorted(unknown))} stands in keep or same, but not among its labels",
            field="keep",
            cure="Correct the model's card.",
        )
    return ModelSpec(
        name=name,
        path=str(path),
        family=card.family,
        width=card.width,
        height=card.height,
        labels=labels,
        threshold=card.threshold,
        keep=frozenset(card.keep),
        options=tuple((key, value) for key, value in options.items() if value),
    )
