"""Every setting in words: name, type, range, default, meaning. `guardian config explain` and the docs come from here."""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, HttpUrl
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from guardian.settings.schema import Settings

_WORDS = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Any: "anything",
    Path: "path",
    HttpUrl: "web address",
}


@dataclass(frozen=True, slots=True)
class Explained:
    """One setting. `default` as it would stand in TOML, empty where the owner must say; `<name>` stands for any name."""

    path: str
    type: str
    default: str
    description: str


def type_text(info: FieldInfo) -> str:
    """Return what a setting may be, in words: `number, 5 to 600`."""
    text = _type(info.annotation)
    low = next((m for m in info.metadata if isinstance(m, Ge | Gt)), None)
    high = next((m for m in info.metadata if isinstance(m, Le | Lt)), None)
    if low is not None and high is not None:
        reach = "above {}, at most {}" if isinstance(low, Gt) else "{} to {}"
        return f"{text}, {reach.format(_edge(low), _edge(high))}"
    if low is not None:
        return f"{text}, {'above' if isinstance(low, Gt) else 'at least'} {_edge(low)}"
    if high is not None:
        return f"{text}, {'below' if isinstance(high, Lt) else 'at most'} {_edge(high)}"
    pattern = next((m.pattern for m in info.metadata if getattr(m, "pattern", None)), "")
    if pattern.startswith("^(") and pattern.endswith(")$"):
        return " or ".join(pattern[2:-2].split("|"))
    return text


def _edge(bound: Ge | Gt | Le | Lt) -> str:
    value: Any = next(getattr(bound, name) for name in ("ge", "gt", "le", "lt") if hasattr(bound, name))
    return f"{value:g}"


def _type(annotation: Any) -> str:
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return " or ".join(annotation)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return " or ".join("none" if part is type(None) else _type(part) for part in arguments)
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return f"list of {_type(arguments[0])}"
        return "(" + ", ".join(_type(part) for part in arguments) + ")"
    if origin is typing.Literal:
        return " or ".join(str(part) for part in arguments)
    if origin is dict:
        return "table"
    return _WORDS.get(annotation, "table")


def toml_text(value: Any) -> str:
    """Return a value as it stands in TOML; none is written as text."""
    import tomlkit

    if value is None:
        return '"none"'
    if isinstance(value, HttpUrl):
        value = str(value)
    if isinstance(value, tuple | list):
        return "[" + ", ".join(toml_text(part) for part in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml_text(part)}" for key, part in value.items()) + "}"
    return str(tomlkit.item(value).as_string())


def explain(prefix: str = "") -> tuple[Explained, ...]:
    """Return every setting whose name begins with a prefix, in the order of the schema."""
    return tuple(one for one in _explain(Settings, "", None) if one.path.startswith(prefix))


def explain_part(model: type[BaseModel], prefix: str = "") -> tuple[Explained, ...]:
    """Return every setting of a part, such as those of a plugin's kind of camera. `prefix`: where the part stands."""
    return tuple(_explain(model, prefix, None))


def _explain(model: type[BaseModel], prefix: str, defaults: BaseModel | None) -> list[Explained]:
    found: list[Explained] = []
    for name, info in model.model_fields.items():
        path = prefix + name
        default = getattr(defaults, name) if defaults is not None else info.get_default(call_default_factory=True)
        inner, keyed = part_of(info.annotation)
        if inner is None:
            text = "" if default is PydanticUndefined else toml_text(default)
            found.append(Explained(path, type_text(info), text, info.description or ""))
        elif keyed:
            found += _explain(inner, f"{path}.<name>.", None)
        else:
            found += _explain(inner, f"{path}.", default if isinstance(default, BaseModel) else None)
    return found


def part_of(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """Return the part of the tree that a setting holds, if it does, and whether it holds many, by name."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    if typing.get_origin(annotation) is dict:
        return part_of(typing.get_args(annotation)[1])[0], True
    return None, False
