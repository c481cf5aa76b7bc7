"""Session descriptions (RFC 8866) as cameras send them, down to what a stream needs: codec, clock, parameter sets, control URL."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from urllib.parse import urljoin

from guardian.sdk import Codec, TrackInfo

_CODECS = {
    "H264": Codec.H264,
    "H265": Codec.H265,
    "HEVC": Codec.H265,
    "MPEG4-GENERIC": Codec.AAC,
    "OPUS": Codec.OPUS,
    "PCMU": Codec.PCMU,
    "PCMA": Codec.PCMA,
}
_STATIC = {0: ("PCMU", 8000), 8: ("PCMA", 8000)}  # RFC 3551, table 4


@dataclass(frozen=True, slots=True)
class Media:
    """One `m=` section. `codec` None: one we cannot take (`name` says which). `control` is absolute."""

    kind: str
    payload: int
    name: str
    codec: Codec | None
    clock: int
    channels: int
    control: str
    parameters: dict[str, str]

    def track(self) -> TrackInfo:
        """Return what Guardian is told of it."""
        assert self.codec is not None
        if self.kind == "video":
            return TrackInfo("video", self.codec, self.clock, self._parameter_sets())
        config = bytes.fromhex(self.parameters.get("config", "")) if self.codec is Codec.AAC else b""
        return TrackInfo("audio", self.codec, self.clock, config, sample_rate=self.clock, channels=self.channels)

    def _parameter_sets(self) -> bytes:
        """Return the parameter sets that the description carries, in Annex B; they may also come in band only."""
        names = ("sprop-parameter-sets",) if self.codec is Codec.H264 else ("sprop-vps", "sprop-sps", "sprop-pps")
        units = []
        for name in names:
            for text in filter(None, self.parameters.get(name, "").split(",")):
                try:
                    units.append(base64.b64decode(text, validate=True))
                except binascii.Error:
                    return b""
        return b"".join(b"\x00\x00\x00\x01" + unit for unit in units if unit)


def parse(text: str, base: str) -> list[Media]:
    """Return the media of a description; lines that make no sense are passed over. `base`: the URL that it came from."""
    session_control, found, lines = "*", [], []
    for line in [*text.splitlines(), "m="]:
        if line.startswith("m="):
            if lines and lines[0].startswith("m="):
                found.append(lines)
            elif control := _attribute(lines, "control"):
                session_control = control
            lines = []
        lines.append(line.strip())
    base = base if session_control in ("", "*") else urljoin(_slashed(base), session_control)
    return [media for media in (_media(section, base) for section in found) if media is not None]


def _attribute(lines: list[str], name: str) -> str:
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(f"a={name}:")), "")


def _slashed(url: str) -> str:
    return url if url.endswith("/") else url + "/"


def _media(lines: list[str], base: str) -> Media | None:
    try:
        kind, _, _, payload_text, *_ = lines[0][2:].split()
        payload = int(payload_text)
    except ValueError:
        return None
    mapped = next((line for line in lines if line.startswith(f"a=rtpmap:{payload} ")), "")
    name, clock, channels = _STATIC.get(payload, ("", 0))[0], _STATIC.get(payload, ("", 0))[1], 1
    if mapped:
        parts = mapped.split(" ", 1)[1].split("/")
        name = parts[0].upper()
        clock = int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0
        channels = int(parts[2]) if len(parts) > 2 and parts[2].isdigit() else 1
    codec = _CODECS.get(name) if clock else None
    control = _attribute(lines, "control")
    url = base if control in ("", "*") else control if "://" in control else _slashed(base) + control.lstrip("/")
    return Media(kind, payload, name or str(payload), codec, clock, channels, url, _parameters(lines, payload))


def _parameters(lines: list[str], payload: int) -> dict[str, str]:
    text = next((line.split(" ", 1)[1] for line in lines if line.startswith(f"a=fmtp:{payload} ")), "")
    pairs = (part.strip().partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}
