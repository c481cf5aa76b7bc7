"""Which decoder a stream gets: hardware that has proven itself on the stream's own first keyframe, or software.

H.264 and H.265 decode to the very same samples everywhere (both standards define the decoding process to the bit), so
hardware is right when its luma equals software's, and wrong otherwise: drivers that give green or shifted pictures exist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

from guardian.model.media import Sample, StreamInfo
from guardian.watch.decode import Decoder, Picture

SOFTWARE = "software"
AUTO = "auto"
TITLES = {"qsv": "Intel Quick Sync", "cuda": "NVIDIA", "vaapi": "VA-API", SOFTWARE: "the processor"}
_SIGNS = {"qsv": "dri/renderD*", "cuda": "nvidiactl", "vaapi": "dri/renderD*"}  # below /dev; in the order of trying

Open = Callable[[str], Decoder]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A decoder, its name (a key of `TITLES`), and why hardware that was tried is not it, or nothing."""

    decoder: Decoder
    name: str
    problem: str = ""


def candidates(wish: str, devices: Path = Path("/dev"), known: Iterable[str] | None = None) -> tuple[str, ...]:
    """Return the kinds of hardware to try. `known`: what FFmpeg was built with, asked where it is not given."""
    if wish == SOFTWARE:
        return ()
    if wish != AUTO:
        return (wish,)
    there = [kind for kind, sign in _SIGNS.items() if any(devices.glob(sign))]
    built = (known if known is not None else built_with()) if there else ()
    return tuple(kind for kind in there if kind in built)


def built_with() -> tuple[str, ...]:
    """Return the kinds of hardware that FFmpeg was built with."""
    from av.codec.hwaccel import hwdevices_available

    return tuple(hwdevices_available())


def choose(wish: str, info: StreamInfo, start_us: int, key: Sample, *, loop_filter: bool, refused: set[str]) -> Chosen:
    """Return a decoder for a stream that begins with this keyframe. Kinds in `refused` are not tried, and those that fail join it."""

    def opened(kind: str) -> Decoder:
        if kind == SOFTWARE:
            return Decoder(info, start_us, loop_filter=loop_filter)
        return Decoder(info, start_us, context=lambda name: _context(kind, name))

    return pick(candidates(wish), opened, lambda: Decoder(info, start_us), key, refused)


def pick(kinds: Iterable[str], opened: Open, reference: Callable[[], Decoder], key: Sample, refused: set[str]) -> Chosen:
    """Return the first kind that decodes `key` as `reference` does, else software."""
    problems = []
    for kind in kinds:
        if kind in refused:
            continue
        if not (problem := _fault(kind, opened, reference, key)):
            return Chosen(opened(kind), kind)
        refused.add(kind)
        problems.append(f"{TITLES.get(kind, kind)}: {problem}")
    return Chosen(opened(SOFTWARE), SOFTWARE, "; ".join(problems))


def _context(kind: str, codec: str) -> Any:
    """Return FFmpeg's decoder of a codec on a kind of hardware; ValueError where it was not built in."""
    import av
    from av.codec.hwaccel import HWAccel

    if kind not in built_with():
        raise ValueError("FFmpeg was built without it")
    if kind == "qsv":  # a decoder of its own, that gives pictures in plain memory
        return av.CodecContext.create(f"{codec}_qsv", "r")
    context = av.CodecContext.create(codec, "r", HWAccel(device_type=kind, allow_software_fallback=False))
    if not context.is_hwaccel:
        raise ValueError(f"FFmpeg cannot decode {codec} with it")
    return context


def _fault(kind: str, opened: Open, reference: Callable[[], Decoder], key: Sample) -> str:
    """Try a kind on a real frame; return what is wrong, or nothing."""
    try:
        picture = _first(opened(kind), key)
    except Exception as error:  # noqa: BLE001 - FFmpeg and the driver below it
        return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    expected = _first(reference(), key)
    if expected is None:
        return ""  # the frame is damaged: no verdict on the hardware
    if picture is None:
        return "it decodes nothing"
    return "" if checksum(picture) == checksum(expected) else "its picture differs from what the stream says"


def _first(decoder: Decoder, key: Sample) -> Picture | None:
    pictures = decoder.decode(key) or decoder.drain()
    return pictures[0] if pictures else None


def checksum(picture: Picture) -> int:
    """Return CRC-32 of the size and brightness of a picture."""
    return crc32(picture.luma().tobytes(), crc32(f"{picture.width}x{picture.height}".encode()))
