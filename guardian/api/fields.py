"""What the models of all parts of the API are made of: times, ids, and what is not known is an error."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema

from guardian.model.ids import is_camera_id
from guardian.model.time import from_rfc3339, to_rfc3339

PREFIX = "/api/v1"
_DATE_TIME = {"type": "string", "format": "date-time", "examples": ["2026-11-23T08:15:00Z"]}


def _time(value: Any) -> int:
    if not isinstance(value, str):
        raise ValueError("must be an RFC 3339 time, such as 2026-11-23T08:15:00Z")
    return from_rfc3339(value.strip())


def _words(value: Any) -> Any:
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


def _camera_id(value: Any) -> Any:
    if isinstance(value, str) and not is_camera_id(value):
        raise ValueError("must be a camera's id: a-z, 0-9, _ and -, at most 32 characters")
    return value


TimeIn = Annotated[int, BeforeValidator(_time), WithJsonSchema(_DATE_TIME)]
TimeOut = Annotated[int, PlainSerializer(to_rfc3339, return_type=str), WithJsonSchema(_DATE_TIME)]
CameraId = Annotated[
    str, BeforeValidator(_camera_id), WithJsonSchema({"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,31}$"})
]
CodecWords = Annotated[
    frozenset[str], BeforeValidator(_words), WithJsonSchema({"type": "string", "examples": ["h264,h265"], "default": "h264"})
]


class In(BaseModel):
    """What comes in: a field that is not known is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Out(BaseModel):
    """What goes out."""

    model_config = ConfigDict(frozen=True)
