"""Looks for what must never lie on the disk unsealed: MP4 boxes, JPEG, parameter sets' neighbours, secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

MP4_BOX = re.compile(
    rb"[\x00-\x0f][\x00-\xff]{3}(ftyp(iso|mp4|isom|hlsf|msdh)|moov\x00\x00|moof\x00\x00|mdat[\x00\x65\x41]\x00)"
)
JPEG = re.compile(rb"\xff\xd8\xff[\xe0\xe1\xdb\xee]..(JFIF|Exif|\x00|\x00\x10)", re.DOTALL)


def findings(data: Path, secrets: Iterable[str] = ()) -> list[str]:
    """Return one line for each plain piece of media or secret in any file below a folder."""
    found = []
    words = [(word, word.encode()) for word in secrets if word]
    for path in sorted(p for p in data.rglob("*") if p.is_file()):
        content = path.read_bytes()
        if MP4_BOX.search(content):
            found.append(f"{path.relative_to(data)}: an MP4 box")
        if JPEG.search(content):
            found.append(f"{path.relative_to(data)}: a JPEG")
        found += [f"{path.relative_to(data)}: the secret {word[:3]}…" for word, raw in words if raw in content]
    return found
