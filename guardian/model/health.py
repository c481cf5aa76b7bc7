"""Health: what a check found and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """How bad it is."""

    OK = "ok"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `guardian doctor` and the system page. `cure` is empty when nothing needs doing."""

    check: str
    health: Health
    message: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class HealthChange:
    """A part of the system became better or worse."""

    part: str
    health: Health
    message: str
