"""Evidence: what was recorded, with the hash of every fragment, signed with a key of the vault. See docs/format.md."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Protocol

from guardian import __version__
from guardian.model.time import to_rfc3339
from guardian.services.playback import RecordedPiece

FORMAT = "guardian-evidence"
CONTEXT = b"guardian evidence v1\n"  # before the manifest's bytes, so that a signature means nothing else
MANIFEST, SIGNATURE, README = "manifest.json", "manifest.sig", "README.txt"
GAP_US = 100_000  # less than a frame at 10 fps is no gap
PAPER = """Evidence from a Private AI Guardian

The videos beside this file are what the cameras sent, not decoded and not encoded again. manifest.json names, for every
piece of about a second, when it was recorded, where it lies in its video, and the SHA-256 of its bytes; manifest.sig signs
that list with the key

  {fingerprint}

To check it, install Python 3.11 or newer, then:

  pip install private-ai-guardian
  guardian verify FILE.zip --key {fingerprint}

Compare the key with what its owner told you by another way. The check proves that the videos are those that this key
signed, unchanged to the last bit. It does not prove what the camera looked at, nor that the recorder's clock was right.
"""


class Notary(Protocol):
    """Signs. VaultLocked while its key is sealed."""

    @property
    def public_key(self) -> bytes:
        """Ed25519, 32 bytes."""
        ...

    def sign(self, data: bytes) -> bytes:
        """Return a signature of 64 bytes."""
        ...


def fingerprint(public_key: bytes) -> str:
    """Return the first 128 bits of a key's SHA-256, in groups for people to compare."""
    text = hashlib.sha256(public_key).hexdigest()[:32]
    return "-".join(text[at : at + 4] for at in range(0, 32, 4))


@dataclass(slots=True)
class _Video:
    """What the manifest says of one video."""

    camera: str
    codecs: str = ""
    size: int = 0
    digest: Any = field(default_factory=hashlib.sha256)
    init: dict[str, Any] = field(default_factory=dict)
    fragments: list[dict[str, Any]] = field(default_factory=list)
    gaps: list[dict[str, str]] = field(default_factory=list)
    end_us: int | None = None


class Evidence:
    """Takes the pieces of videos as they are written; then has the papers that go with them."""

    def __init__(self, start_us: int, end_us: int, created_us: int) -> None:
        self._start_us, self._end_us, self._created_us = start_us, end_us, created_us
        self._videos: dict[str, _Video] = {}

    def take(self, name: str, camera: str, piece: RecordedPiece) -> None:
        """Note the next piece of a video."""
        video = self._videos.setdefault(name, _Video(camera))
        if not piece.data:
            return
        row = {"offset": video.size, "length": len(piece.data), "sha256": hashlib.sha256(piece.data).hexdigest()}
        video.size += len(piece.data)
        video.digest.update(piece.data)
        source = {
            "segment": piece.segment_id,
            "index": piece.index,
            "recorded_sha256": piece.recorded_sha256,
            "sealed_sha256": piece.sealed_sha256,
        }
        if piece.entry is None:
            video.codecs, video.init = piece.codecs, row | source
            return
        start_us = piece.entry.start_utc_us
        if video.end_us is not None and start_us - video.end_us > GAP_US:
            video.gaps.append({"start": to_rfc3339(video.end_us), "end": to_rfc3339(start_us)})
        video.end_us = start_us + piece.entry.duration_90k * 100 // 9
        video.fragments.append(row | source | {"start": to_rfc3339(start_us), "duration_90k": piece.entry.duration_90k})

    def papers(self, notary: Notary, missing: list[str], names: dict[str, str]) -> list[tuple[str, bytes]]:
        """Return names and contents of the files beside the videos."""
        paper = PAPER.format(fingerprint=fingerprint(notary.public_key)).encode()
        manifest = {
            "format": FORMAT,
            "version": 1,
            "made_by": f"private-ai-guardian {__version__}",
            "created": to_rfc3339(self._created_us),
            "asked": {"start": to_rfc3339(self._start_us), "end": to_rfc3339(self._end_us)},
            "public_key": base64.b64encode(notary.public_key).decode(),
            "without_footage": missing,
            "readme_sha256": hashlib.sha256(paper).hexdigest(),
            "files": [self._file(name, video, names) for name, video in self._videos.items()],
        }
        data = json.dumps(manifest, indent=1, ensure_ascii=False, sort_keys=True).encode() + b"\n"
        return [(MANIFEST, data), (SIGNATURE, notary.sign(CONTEXT + data)), (README, paper)]

    def _file(self, name: str, video: _Video, names: dict[str, str]) -> dict[str, Any]:
        return {
            "name": name,
            "camera": video.camera,
            "title": names.get(video.camera, video.camera),
            "codecs": video.codecs,
            "size": video.size,
            "sha256": video.digest.hexdigest(),
            "init": video.init,
            "fragments": video.fragments,
            "gaps": video.gaps,
        }
