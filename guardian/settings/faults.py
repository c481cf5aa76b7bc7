"""Faults of settings in words: the field, what is wrong with it, and the cure, with a guess at what was meant."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from guardian.settings.explain import part_of, type_text

Part = type[BaseModel]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of the configuration. `field` is dotted, empty for the file as a whole."""

    field: str
    message: str
    cure: str


def faults_of(error: ValidationError, root: Part, prefix: str = "") -> tuple[Fault, ...]:
    """Return what a validation against `root` found. `prefix`: where in the configuration that stands, such as
    `cameras.front.source`; settings of a plugin are never repeated, they may be secret.
    """
    return tuple(_fault(detail, root, prefix) for detail in error.errors(include_url=False))


def _fault(detail: ErrorDetails, root: Part, prefix: str) -> Fault:
    location = tuple(str(part) for part in detail["loc"])
    field = ".".join((prefix, *location) if prefix else location)
    if detail["type"] == "extra_forbidden":
        return Fault(field, "there is no such setting", _did_you_mean(location, root, prefix))
    if detail["type"] == "setting":  # one of ours, which brings its cure
        told = detail["ctx"]
        return Fault(".".join(filter(None, (field, told["at"]))), told["message"], told["cure"])
    found = _field(location, root)
    if detail["type"] == "missing":
        meaning = f": {found.description}" if found is not None and found.description else "."
        return Fault(field, "is needed", f"Add it{meaning}")
    if detail["type"] == "model_type":
        return Fault(field, "must be a table", f"Write it as [{field}].")
    message = detail["msg"].removeprefix("Value error, ").partition(", unable to parse")[0]
    message = message.removeprefix("Input ") if message.startswith("Input should") else message[:1].lower() + message[1:]
    if found is None:
        return Fault(field, message, "See `guardian config explain`.")
    shown = isinstance(detail["input"], str | int | float | bool) and not prefix and not _may_be_secret(location)
    given = f", not {detail['input']!r}" if shown else ""
    return Fault(field, message + given, f"{type_text(found)}. {found.description or ''}".strip())


def _did_you_mean(location: Sequence[str], root: Part, prefix: str) -> str:
    model = _model_at(location[:-1], root)
    names = list(model.model_fields) if model is not None else []
    around = (prefix, *location[:-1]) if prefix else location[:-1]
    near = difflib.get_close_matches(location[-1], names, n=1, cutoff=0.5)
    if near:
        return f"Did you mean {'.'.join((*around, near[0]))}?"
    elsewhere = [path for path in _paths(root) if path.rpartition(".")[2] == location[-1]]
    if elsewhere:
        return f"Did you mean {elsewhere[0]}?"
    return f"Settings here: {', '.join(names)}." if names else "See `guardian config explain`."


def _paths(model: Part, prefix: str = "") -> list[str]:
    paths: list[str] = []
    for name, info in model.model_fields.items():
        inner, keyed = part_of(info.annotation)
        paths.append(prefix + name)
        if inner is not None:
            paths += _paths(inner, f"{prefix}{name}.<name>." if keyed else f"{prefix}{name}.")
    return paths


def _may_be_secret(location: Sequence[str]) -> bool:
    return any(part in ("source", "settings", "unlock_file") for part in location)


def _model_at(location: Sequence[str], root: Part) -> Part | None:
    model: Part | None = root
    keyed = False
    for part in location:
        if keyed:
            keyed = False
        elif model is None or part not in model.model_fields:
            return None
        else:
            model, keyed = part_of(model.model_fields[part].annotation)
    return model


def _field(location: Sequence[str], root: Part) -> FieldInfo | None:
    """The setting at a place, or the nearest one around it."""
    for end in range(len(location), 0, -1):
        model = _model_at(location[: end - 1], root)
        if model is not None and location[end - 1] in model.model_fields:
            return model.model_fields[location[end - 1]]
    return None
