"""Which engine is to run: the one the settings name, or, where that fails, the one that worked last, and why.

What worked is remembered in `models/last_good.json`, so that a broken model file or a device that has gone costs the owner's
wish and not detection.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from guardian.detect.catalogue import DEFAULT, Catalogue
from guardian.detect.engine import AUTO, Engine, open_engine
from guardian.interfaces import DetectorKind
from guardian.model.errors import GuardianError
from guardian.platform.files import make_private_dir, replace_file
from guardian.pluginhost.discovery import discover
from guardian.pluginhost.manifest import read_manifest
from guardian.pluginhost.registry import ContextMaker, PluginRegistry
from guardian.settings.schema import DetectorSettings, PluginsSettings

LAST_GOOD = "last_good.json"
WISH = ("model", "backend", "device")  # what makes an engine another one

Say = Callable[[str], None]


def engine_for(
    data_dir: Path, detector: DetectorSettings, plugins: PluginsSettings, say: Say, *, hint: str = "throughput"
) -> Engine:
    """Find the model that the settings name and load it with the runtime they wish, or the best there is."""
    models = data_dir / "models"
    spec = Catalogue(models).find(detector.model)
    cache = models / "cache"
    make_private_dir(cache)
    more = [("cache_dir", str(cache)), ("hint", hint if detector.hint == AUTO else detector.hint)]
    if detector.threads:
        more.append(("threads", str(detector.threads)))
    kinds = runtimes(data_dir, plugins)
    return open_engine(
        replace(spec, options=spec.options + tuple(more)), kinds, backend=detector.backend, device=detector.device, say=say
    )


def runtimes(data_dir: Path, plugins: PluginsSettings) -> tuple[DetectorKind, ...]:
    """Load those plugins only whose manifest offers a detector, and return their runtimes, the preferred first."""
    names = set()
    for found in discover():
        try:
            if any(offer.startswith("detector:") for offer in read_manifest(found.package).provides):
                names.add(found.name)
        except GuardianError:
            continue
    return PluginRegistry(plugins, ContextMaker(data_dir), only=frozenset(names)).detectors_by_rank()


def remember(data_dir: Path, detector: DetectorSettings) -> None:
    """Note that this works."""
    wish = {key: getattr(detector, key) for key in WISH}
    text = json.dumps(wish) + "\n"
    path = data_dir / "models" / LAST_GOOD
    make_private_dir(path.parent)
    if not path.is_file() or path.read_text(encoding="utf-8", errors="replace") != text:
        replace_file(path, text.encode())


def previous(data_dir: Path, detector: DetectorSettings) -> DetectorSettings:
    """Return the settings with what worked last, or with the embedded model on whatever there is."""
    wish = {"model": DEFAULT, "backend": AUTO, "device": "AUTO"}
    try:
        found = json.loads((data_dir / "models" / LAST_GOOD).read_text(encoding="utf-8"))
        return DetectorSettings.model_validate({**detector.model_dump(), **{key: found[key] for key in WISH}})
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        return detector.model_copy(update=wish)


@dataclass(frozen=True, slots=True)
class Opened:
    """An engine, the settings that gave it, and why it is not the one that was wished."""

    engine: Engine
    settings: DetectorSettings
    fault: GuardianError | None = None


def open_or_previous(
    data_dir: Path, wish: DetectorSettings, open_: Callable[[DetectorSettings], Engine], say: Say
) -> Opened:
    """Load what the settings name; where that fails, what stands in for it, saying why. The first failure when nothing loads."""
    try:
        engine = open_(wish)
    except GuardianError as fault:
        return stand_in(data_dir, wish, fault, open_, say)
    if not hasattr(engine.detector, "spec"):  # another machine's is no model that this one can load later
        remember(data_dir, wish)
    return Opened(engine, wish)


def stand_in(
    data_dir: Path, wish: DetectorSettings, fault: GuardianError, open_: Callable[[DetectorSettings], Engine], say: Say
) -> Opened:
    """Load the model of that name on whatever there is, else what worked last, else the embedded one."""
    anywhere: dict[str, object] = {"backend": AUTO, "device": "AUTO"}
    for other in (
        wish.model_copy(update=anywhere),
        previous(data_dir, wish),
        wish.model_copy(update={"model": DEFAULT, **anywhere}),
    ):
        if all(getattr(other, key) == getattr(wish, key) for key in WISH):
            continue
        try:
            engine = open_(other)
        except GuardianError:
            continue
        say(f"{explain(fault)} Until then {other.model} runs on {engine.detector.device} instead.")
        return Opened(engine, other, fault)
    raise fault


class HintByLoad:
    """Which hint `auto` means: latency on a device that idles, throughput as soon as requests wait. Pure.

    On a processor it is always throughput: there, one request over all cores costs up to half as much CPU again as one a stream.
    """

    BUSY, IDLE, IDLE_FOR_S = 0.5, 0.1, 60.0

    def __init__(self) -> None:
        self._idle_since_s: float | None = None

    def next(self, now_s: float, hint: str, device: str, busy_share: float, skipped: int) -> str:
        """Return the hint to run with. `busy_share`: of the time, that the device works; `skipped`: since the last call."""
        if device.startswith("CPU") or busy_share > self.BUSY or skipped:
            self._idle_since_s = None
            return "throughput"
        if busy_share > self.IDLE:
            self._idle_since_s = None
            return hint
        if self._idle_since_s is None:
            self._idle_since_s = now_s
        return "latency" if now_s - self._idle_since_s >= self.IDLE_FOR_S else hint


def explain(error: GuardianError) -> str:
    """Return an error as sentences: field, what is wrong, cure."""
    message = (
        error.message if not error.field or error.message.startswith(error.field) else f"{error.field}: {error.message}"
    )
    return f"{message[:1].upper()}{message[1:].rstrip('.')}. {error.cure}".strip()
