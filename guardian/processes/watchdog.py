"""When a child process has to be ended for its own good: it keeps silent, or it grows. Pure: values in, a reason out."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is allowed. 0: no bound. `setting` names where the owner chose the memory."""

    silent_s: float = 0.0
    memory_bytes: int = 0
    setting: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a process is ended, for log and page."""

    what: str  # "hung" | "too_big"
    said: str
    cure: str


def judge(bounds: Bounds, silent_s: float, patience_s: float, memory_bytes: int) -> Verdict | None:
    """Return why to end a process, or None. `patience_s`: silence that it announced itself, such as while it loads a model."""
    allowed_s = max(bounds.silent_s, patience_s)
    if bounds.silent_s and silent_s > allowed_s:
        return Verdict(
            "hung",
            f"gave no sign of life for {silent_s:.0f} s",
            "If it happens again, choose another device or backend for the detector.",
        )
    if bounds.memory_bytes and memory_bytes > bounds.memory_bytes:
        return Verdict(
            "too_big",
            f"used {memory_bytes // MIB} MiB, more than {bounds.setting} = {bounds.memory_bytes // MIB} allows",
            f"If the model needs so much, raise {bounds.setting}; if it happens again and again, something leaks: "
            "try another backend or device.",
        )
    return None
