"""Values as words for people: Jinja2 filters."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from markupsafe import Markup

from guardian.model.camera import CameraState
from guardian.model.event import Attribute, Happening, HappeningKind
from guardian.model.time import to_rfc3339

_CODE: Final = re.compile(r"`([^`]*)`")
_HAPPENED: Final = {
    HappeningKind.ENTER: "Entered",
    HappeningKind.LEAVE: "Left",
    HappeningKind.LOITER: "Loitered in",
    HappeningKind.CROSS: "Crossed",
}
_UNITS: Final = ("B", "kB", "MB", "GB", "TB", "PB")
_CODECS: Final = {"h264": "H.264", "h265": "H.265", "opus": "Opus", "pcmu": "G.711 µ-law", "pcma": "G.711 A-law"}
_STATES: Final = {
    CameraState.STARTING: ("Starting", "wait"),
    CameraState.CONNECTING: ("Connecting", "wait"),
    CameraState.RUNNING: ("Running", "good"),
    CameraState.RETRYING: ("Trying again", "warn"),
    CameraState.FAILED: ("Needs you", "bad"),
    CameraState.ENDED: ("Ended", "off"),
    CameraState.STOPPED: ("Stopped", "off"),
}
_WAKES: Final = {
    "start": "the camera had just come",
    "packets": "its stream grew, as it does when something moves",
    "picture": "a glance showed a change",
    "light": "the whole picture changed, as when a lamp goes on",
    "long GOP": "the camera sent no keyframe for long",
    "memory": "too much was waiting to be looked at",
}


def size(count: float) -> str:
    """Bytes: 1 500 000 as 1.5 MB."""
    value = float(count)
    for unit in _UNITS[:-1]:
        if abs(value) < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} {_UNITS[-1]}"


def rate(bits: float) -> str:
    """Bits a second."""
    return f"{bits / 1e6:.1f} Mb/s" if bits >= 1e6 else f"{bits / 1e3:.0f} kb/s"


def codec(name: str) -> str:
    """A codec as people write it: h264 as H.264."""
    return _CODECS.get(name, name.upper())


def lasting(duration_us: float) -> str:
    """A duration: `45 s`, `3 min`, `2 h 5 min`, `3 days`."""
    seconds = int(duration_us / 1e6)
    if seconds < 60:
        return f"{max(0, seconds)} s"
    if seconds < 3600:
        return f"{seconds // 60} min" if seconds >= 600 or seconds % 60 == 0 else f"{seconds // 60} min {seconds % 60} s"
    if seconds < 48 * 3600:
        return f"{seconds // 3600} h {seconds % 3600 // 60} min"
    return f"{seconds // 86_400} days"


def percent(share: float) -> str:
    """0.5 as 50 %."""
    return f"{share * 100:.0f} %"


def moment(utc_us: int, style: str = "full") -> Markup:
    """A <time> element; a script shows it in the reader's own zone. `style`: full, time, date or day."""
    text = to_rfc3339(utc_us)
    return Markup('<time datetime="{}" data-style="{}">{} UTC</time>').format(text, style, text[:19].replace("T", " "))


def state_word(state: CameraState) -> str:
    """A camera's state in a word or two."""
    return _STATES[state][0]


def state_tone(state: CameraState) -> str:
    """How a camera's state is coloured: good, wait, warn, bad or off."""
    return _STATES[state][1]


def wake_word(why: str) -> str:
    """What woke a camera's watch, in words (docs/watch.md)."""
    return _WAKES.get(why, why)


def sentence(text: str) -> str:
    """The text with a capital first letter and a full stop; what is `quoted` like code, in quotes for people."""
    if not text:
        return ""
    text = _CODE.sub(r"“\1”", text)
    end = "" if text[-1] in ".!?…" else "."
    first = text.split(" ", 1)[0]
    return (
        text if "/" in first or "." in first[:-1] else text[0].upper() + text[1:]
    ) + end  # an address or the name of a setting is not made a word of


def happened(what: HappeningKind) -> str:
    """What can happen, as a choice in a list."""
    return _HAPPENED[what]


def happening_words(one: Happening) -> str:
    """What happened, where: `entered yard`, `crossed gate to the left`."""
    return f"{_HAPPENED[one.what]} {one.zone}" + (f" to the {one.direction}" if one.direction else "")


def label(text: str) -> str:
    """A label for people: `smoke_alarm` as Smoke alarm, `co_alarm` as CO alarm."""
    spaced = text.replace("_", " ")
    return f"CO{spaced[2:]}" if spaced.startswith("co ") else spaced[:1].upper() + spaced[1:]


def attribute(one: Attribute) -> str:
    """An attribute for people: `upper colour` = red as red on top, others as name and value."""
    where = {"upper colour": " on top", "lower colour": " below", "colour": ""}.get(one.name)
    return f"{one.name} {one.value}" if where is None else f"{one.value}{where}"


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "size": size,
    "rate": rate,
    "codec": codec,
    "lasting": lasting,
    "percent": percent,
    "moment": moment,
    "rfc3339": to_rfc3339,
    "state_word": state_word,
    "state_tone": state_tone,
    "sentence": sentence,
    "wake_word": wake_word,
    "happened": happened,
    "happening_words": happening_words,
    "label": label,
    "attribute": attribute,
}
