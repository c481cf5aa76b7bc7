"""Which models there are: the embedded one, those that can be fetched by URL and checksum, and the owner's own."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from guardian.detect.card import MODELS, SUFFIXES, Card, parse_card, read_card, spec_of
from guardian.interfaces import ModelSpec
from guardian.model.errors import BadSetting, NotFound

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Entry:
    """One model. `state`: embedded, installed, available (can be pulled), own (put there by the owner), broken."""

    name: str
    state: str
    card: Card | None
    path: Path | None = None
    problem: str = ""


class Catalogue:
    """Models as seen from one data folder; fetched ones live in `DATA/models/<name>/`, own ones in `DATA/models/`."""

    def __init__(self, models_dir: Path, listing: Path = MODELS / "catalogue.toml") -> None:
        self.models_dir = models_dir
        published = tomllib.loads(listing.read_text(encoding="utf-8"))
        self.published = {name: parse_card({"name": name, **card}, f"catalogue: {name}") for name, card in published.items()}

    def entries(self) -> tuple[Entry, ...]:
        """Return every model: the embedded one, the published ones, then the owner's."""
        found = [Entry(DEFAULT, "embedded", read_card(MODELS / DEFAULT / "card.toml"), MODELS / DEFAULT / "model.onnx")]
        for name, card in self.published.items():
            path = self.path_of(card, name)
            found.append(Entry(name, "installed", card, path) if path.exists() else Entry(name, "available", card))
        for card_path in sorted(self.models_dir.glob("*.toml")) if self.models_dir.is_dir() else ():
            try:
                card = read_card(card_path)
                found.append(Entry(card_path.stem, "own", card, _file_beside(card_path, card)))
            except BadSetting as error:
                found.append(Entry(card_path.stem, "broken", None, card_path, error.message))
        return tuple(found)

    def path_of(self, card: Card, name: str) -> Path:
        """Return where a published model's first file lies once it was fetched."""
        return self.models_dir / name / card.files[0].name

    def find(self, name: str) -> ModelSpec:
        """Return the model of that name or path; BadSetting says which there are, or what its card lacks."""
        if name.endswith(SUFFIXES) or "/" in name:
            return custom(Path(name).expanduser())
        for entry in self.entries():
            if entry.name != name:
                continue
            if entry.card is None:
                raise BadSetting(entry.problem, field="detector.model", cure="Correct the model's card.")
            if entry.card.task != "detect":
                raise BadSetting(
                    f"model {name} is for {entry.card.task}: it cannot be the detector",
                    field="detector.model",
                    cure=f"Choose one of: {', '.join(other.name for other in self.entries() if _detects(other))}.",
                )
            if entry.path is None:
                raise BadSetting(
                    f"model {name} is not on this machine",
                    field="detector.model",
                    cure=f"Fetch it: `guardian models pull {name}`.",
                )
            return spec_of(entry.card, entry.path, name)
        raise BadSetting(
            f"there is no model {name!r}",
            field="detector.model",
            cure=f"Choose one of: {', '.join(entry.name for entry in self.entries())}; or give a path.",
        )

    def to_fetch(self, name: str) -> Card:
        """Return the card of a model that can be fetched; NotFound names those."""
        if name not in self.published:
            raise NotFound(f"no model {name!r} can be fetched", cure=f"Choose one of: {', '.join(self.published)}.")
        return self.published[name]


def _detects(entry: Entry) -> bool:
    return entry.card is not None and entry.card.task == "detect"


def custom(path: Path) -> ModelSpec:
    """Return the owner's own model: a file with a card of the same name beside it."""
    if not path.is_file():
        raise BadSetting(f"there is no model file {path}", field="detector.model", cure="Correct detector.model.")
    if path.suffix not in SUFFIXES:
        raise BadSetting(
            f"{path.name} is no model format Guardian runs",
            field="detector.model",
            cure="Use .onnx, .xml (OpenVINO IR) or .tflite.",
        )
    card_path = path.with_suffix(".toml")
    if not card_path.is_file():
        raise BadSetting(
            f"model {path.name} has no card",
            field="detector.model",
            cure=f'Write {card_path.name} beside it, for example: family = "yolo", width = 640, height = 640, '
            'labels = "coco80", threshold = 0.35 (one a line).',
        )
    return spec_of(read_card(card_path), path, path.stem)


def _file_beside(card_path: Path, card: Card) -> Path:
    if card.file:
        return card_path.with_name(card.file)
    for suffix in SUFFIXES:
        if (path := card_path.with_suffix(suffix)).is_file():
            return path
    raise BadSetting(f"{card_path.name} has no model beside it", cure="Put the model's file there, or delete the card.")
