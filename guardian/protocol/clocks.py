"""Clocks of two machines that do not agree, in words. Pure: who compares knows only that one of the two is wrong, and says so.

An offset is how far a machine's own clock is ahead of the one that it hears from, in seconds.
"""

from __future__ import annotations

APART_S = 60.0  # a heartbeat that waited in a line that stood still is late by less; certificates allow five minutes
CURE = "Have both keep their time by NTP."
_STEPS = ((86_400.0, "day"), (3_600.0, "hour"), (60.0, "minute"))


def apart(offset_s: float, whose: str) -> str:
    """Say how far apart our clock and somebody's are, or nothing where that matters to nobody."""
    if abs(offset_s) < APART_S:
        return ""
    return f"the clock here is {span(abs(offset_s))} {'ahead of' if offset_s > 0 else 'behind'} the one of {whose}"


def outside(begin_s: float, end_s: float, now_s: float, what: str) -> str:
    """Say that something is not in force by our clock, or nothing where it is."""
    if now_s < begin_s:
        return f"by the clock here {what} begins in {span(begin_s - now_s)}: a clock is wrong"
    if now_s > end_s:
        return f"by the clock here {what} ended {span(now_s - end_s)} ago: it did, or the clock here is ahead"
    return ""


def span(seconds: float) -> str:
    """Say how long that is, in the largest unit that it fills."""
    seconds = round(seconds / 60) * 60.0  # a heartbeat that is a second old makes no day shorter
    for size, name in _STEPS:
        if seconds >= size:
            count = int(seconds / size + 0.5)
            return f"{count} {name}{'s' if count > 1 else ''}"
    return "less than a minute"
