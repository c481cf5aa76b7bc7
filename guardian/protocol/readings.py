"""The readings of Telemetry that have a meaning. All are of machines and counts, none of what a camera saw."""

from __future__ import annotations

from collections.abc import Mapping

READINGS = {
    "uptime_s": "since the program started",
    "queue_events": "events that wait to be acknowledged",
    "queue_bytes": "their size",
    "dropped": "events dropped since the start because the queue was full",
    "disk_free_bytes": "where footage (edge) or the store (relay) is",
    "disk_total_bytes": "of it",
    "memory_bytes": "resident, of the program",
    "cpu_percent": "of one core, of the program",
    "temperature_c": "of the processor, where the machine says it",
    "handshake_age_s": "of the tunnel",
    "clock_off_s": "how far its clock is ahead: the edge's of the relay's, the relay's of the cloud's",
    "cameras": "that are set up",
    "cameras_recording": "of them",
    "archive_waiting": "packs that are not archived yet",
    "clips": "sealed segments that the relay keeps",
    "clip_bytes": "their size",
}


def known(readings: Mapping[str, float]) -> dict[str, float]:
    """Return the readings whose names are on the list; what is not a finite number is left out."""
    return {
        name: float(value)
        for name, value in readings.items()
        if name in READINGS and value == value and abs(value) < float("inf")
    }


def is_word(text: str) -> bool:
    """Say whether a name or state of a plugin is one that may be passed on: a short word, and no sentence."""
    return 0 < len(text) <= 32 and text.isascii() and all(letter.isalnum() or letter in "_-" for letter in text)
