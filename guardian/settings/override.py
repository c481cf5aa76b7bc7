"""Settings changed for one run, from words such as `event_min_score=0.6`. Nothing is written."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from guardian.model.errors import BadRequest
from guardian.settings.schema import CameraSettings, DetectSettings, Settings

_CURE = 'Write KEY=VALUE, such as event_min_score=0.6 or detect.labels=["person"].'


def overridden(raw: Mapping[str, Any], assignments: Sequence[str], camera: str) -> dict[str, Any]:
    """Return a TOML table with settings put in. A key that names no part is one of the camera's `detect`.

    BadRequest where a word is no assignment; whether there is such a setting is for the validation to say.
    """
    table: dict[str, Any] = copy.deepcopy(dict(raw))
    for word in assignments:
        key, equals, value = word.partition("=")
        if not equals or not key.strip():
            raise BadRequest(f"{word!r} sets nothing", field="--set", cure=_CURE)
        path = _path(key.strip(), camera)
        inner = table
        for part in path[:-1]:
            inner = inner.setdefault(part, {})
            if not isinstance(inner, dict):
                raise BadRequest(f"{key.strip()}: {part} is no table", field="--set", cure="See `guardian config explain`.")
        inner[path[-1]] = _value(value.strip())
    return table


def _path(key: str, camera: str) -> list[str]:
    parts = key.split(".")
    if parts[0] in DetectSettings.model_fields or (len(parts) == 1 and parts[0] not in Settings.model_fields):
        return ["cameras", camera, "detect", *parts]
    if parts[0] in CameraSettings.model_fields and parts[0] not in Settings.model_fields:
        return ["cameras", camera, *parts]
    return parts


def _value(text: str) -> Any:
    """Return what a TOML value means; a word without quotes is text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
