"""All plugins and what they declared. Made once a process; asked by kind name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from guardian.interfaces import (
    ArchiveKind,
    AudioDetectorKind,
    CameraKind,
    ClassifierKind,
    CloudSyncKind,
    DetectorKind,
    HealthCheck,
    Job,
    NotifierKind,
    RelayLinkKind,
    StorageKind,
    TextEmbedderKind,
    TrackerKind,
)
from guardian.model.camera import CameraView
from guardian.model.errors import BadSetting, GuardianError
from guardian.model.event import Event
from guardian.model.segment import SegmentRecord
from guardian.platform.clock import Clock, SystemClock
from guardian.pluginhost.discovery import Found, discover
from guardian.pluginhost.dispatch import declared
from guardian.pluginhost.loading import instantiate, load_class, new_hook_manager, register
from guardian.pluginhost.manifest import Manifest, read_manifest
from guardian.sdk import API_LEVEL
from guardian.sdk.plugin import Plugin, PluginContext, no_sealing
from guardian.settings.schema import PluginsSettings
from guardian.settings.secrets import resolve

KindT = TypeVar(
    "KindT",
    CameraKind,
    DetectorKind,
    TrackerKind,
    StorageKind,
    NotifierKind,
    ClassifierKind,
    AudioDetectorKind,
    TextEmbedderKind,
    ArchiveKind,
)


@dataclass(frozen=True, slots=True)
class PluginEntry:
    """One installed plugin. `state`: running, disabled, shadowed, incompatible, needs-extra, failed."""

    found: Found
    state: str
    problem: str = ""
    manifest: Manifest | None = None
    hooks: tuple[str, ...] = ()
    instance: Plugin | None = None


@dataclass(frozen=True, slots=True)
class Declared:
    """A kind and the plugin that brings it."""

    plugin: str
    kind: Any


def _no_cameras() -> tuple[CameraView, ...]:
    return ()


async def _no_footage(segment: SegmentRecord) -> AsyncIterator[bytes]:
    raise BadSetting(f"footage of {segment.header.segment_id} is not offered in this process")
    yield b""  # makes this an iterator


def _not_offered(*_: object) -> NoReturn:
    raise BadSetting("this process does not offer that to plugins")


@dataclass(slots=True)
class ContextMaker:
    """Makes each plugin's context; the conductor fills in what this process can offer."""

    data_dir: Path
    cameras: Callable[[], tuple[CameraView, ...]] = _no_cameras
    footage: Callable[[SegmentRecord], AsyncIterator[bytes]] = _no_footage
    seal: Callable[[str, bytes, tuple[int, ...], int], bytes] = no_sealing
    clock: Clock = field(default_factory=SystemClock)
    segments: Callable[[str, str, int, int], Awaitable[tuple[SegmentRecord, ...]]] = _not_offered
    seal_key: Callable[[str, bytes], bytes] = _not_offered
    events: Callable[[int], Awaitable[tuple[Event, ...]]] = _not_offered

    def make(self, name: str) -> PluginContext:
        """Return the context of the plugin of that name. What is filled in later holds for contexts made before."""
        return PluginContext(
            name,
            self.data_dir / "plugins" / name,
            lambda: self.cameras(),
            lambda segment: self.footage(segment),
            lambda *what: self.seal(*what),
            self.clock,
            lambda *span: self.segments(*span),
            lambda key: self.seal_key(name, key),
            lambda start_us: self.events(start_us),
        )


class PluginRegistry:
    """Loads what is enabled (or only the plugins named in `only`) and keeps what each declared."""

    def __init__(self, settings: PluginsSettings, contexts: ContextMaker, only: frozenset[str] | None = None) -> None:
        self.manager = new_hook_manager()
        self.entries: list[PluginEntry] = []
        self.problems: list[str] = []
        self.cameras: dict[str, Declared] = {}
        self.detectors: dict[str, Declared] = {}
        self.trackers: dict[str, Declared] = {}
        self.storage: dict[str, Declared] = {}
        self.notifiers: dict[str, Declared] = {}
        self.classifiers: dict[str, Declared] = {}
        self.audio_detectors: dict[str, Declared] = {}
        self.text_embedders: dict[str, Declared] = {}
        self.relay_links: dict[str, Declared] = {}
        self.cloud_syncs: dict[str, Declared] = {}
        self.archives: dict[str, Declared] = {}
        self.health_checks: list[HealthCheck] = []
        self.jobs: list[tuple[str, Job]] = []
        for found in discover():
            if only is None or found.name in only:
                entry = self._enter(found, settings, contexts)
                self.entries.append(entry)
                if entry.instance is not None:
                    self._declare(entry.found.name, entry.instance, entry.hooks)

    def _enter(self, found: Found, settings: PluginsSettings, contexts: ContextMaker) -> PluginEntry:
        if found.shadowed_by:
            return PluginEntry(found, "shadowed", f"shadowed by {found.shadowed_by}")
        try:
            manifest = read_manifest(found.package)
            if manifest.name != found.name:
                raise BadSetting(f"entry point {found.name} and manifest {manifest.name} differ", cure="Give both one name.")
            if found.name in settings.disabled:
                return PluginEntry(found, "disabled", manifest=manifest)
            if manifest.api > API_LEVEL:
                problem = f"needs SDK level {manifest.api}, this Guardian has {API_LEVEL}: update Guardian"
                return PluginEntry(found, "incompatible", problem, manifest)
            if missing := manifest.missing():
                hint = (
                    f"pip install 'private-ai-guardian[{manifest.extra}]'"
                    if manifest.extra
                    else f"pip install {' '.join(missing)}"
                )
                return PluginEntry(found, "needs-extra", f"available: {hint}", manifest)
            context = contexts.make(found.name)
            values = resolve(settings.settings.get(found.name, {}), f"plugins.settings.{found.name}")
            instance = instantiate(found.name, load_class(found.name), values, context)
            return PluginEntry(found, "running", "", manifest, register(self.manager, found.name, instance), instance)
        except GuardianError as error:
            return PluginEntry(found, "failed", f"{error.message} {error.cure}".strip())

    def _declare(self, name: str, plugin: Plugin, hooks: tuple[str, ...]) -> None:
        tables: dict[str, dict[str, Declared]] = {
            "register_cameras": self.cameras,
            "register_detectors": self.detectors,
            "register_trackers": self.trackers,
            "register_storage": self.storage,
            "register_notifiers": self.notifiers,
            "register_classifiers": self.classifiers,
            "register_audio_detectors": self.audio_detectors,
            "register_text_embedders": self.text_embedders,
            "register_relay_links": self.relay_links,
            "register_cloud_syncs": self.cloud_syncs,
            "register_archives": self.archives,
        }
        for hook, table in tables.items():
            if hook in hooks:
                for kind in declared(name, plugin, hook, self.problems.append):
                    if kind.name in table:
                        self.problems.append(
                            f"{name} offers {kind.name}, which {table[kind.name].plugin} offers already: ignored"
                        )
                    else:
                        table[kind.name] = Declared(name, kind)
        if "register_health_checks" in hooks:
            self.health_checks += declared(name, plugin, "register_health_checks", self.problems.append)
        if "register_jobs" in hooks:
            self.jobs += [(name, job) for job in declared(name, plugin, "register_jobs", self.problems.append)]

    def camera(self, kind: str) -> CameraKind:
        """Return a camera kind; BadSetting names those there are."""
        return _pick(self.cameras, kind, "camera kind", CameraKind)

    def tracker(self, name: str) -> TrackerKind:
        """Return a tracker kind."""
        return _pick(self.trackers, name, "tracker", TrackerKind)

    def notifier(self, kind: str) -> NotifierKind:
        """Return a notifier kind."""
        return _pick(self.notifiers, kind, "notifier", NotifierKind)

    def storage_kind(self, kind: str) -> StorageKind:
        """Return a storage kind."""
        return _pick(self.storage, kind, "storage", StorageKind)

    def classifier(self, name: str) -> ClassifierKind:
        """Return a classifier of crops."""
        return _pick(self.classifiers, name, "classifier", ClassifierKind)

    def audio_detector(self, name: str) -> AudioDetectorKind:
        """Return a detector of sounds."""
        return _pick(self.audio_detectors, name, "audio detector", AudioDetectorKind)

    def text_embedder(self, name: str) -> TextEmbedderKind:
        """Return a text embedder."""
        return _pick(self.text_embedders, name, "text embedder", TextEmbedderKind)

    def relay_link(self) -> RelayLinkKind | None:
        """Return the way to reach a relay, or None where no plugin brings one. The first by name, should there be several."""
        return next((self.relay_links[name].kind for name in sorted(self.relay_links)), None)

    def cloud_sync(self) -> CloudSyncKind | None:
        """Return the way to sync with a cloud, or None where no plugin brings one. The first by name, should there be several."""
        return next((self.cloud_syncs[name].kind for name in sorted(self.cloud_syncs)), None)

    def archive(self, name: str) -> ArchiveKind:
        """Return an archive."""
        return _pick(self.archives, name, "archive", ArchiveKind)

    def detectors_by_rank(self) -> tuple[DetectorKind, ...]:
        """Return detector kinds, the preferred first."""
        return tuple(sorted((d.kind for d in self.detectors.values()), key=lambda kind: (kind.rank, kind.name)))


def _pick(table: dict[str, Declared], name: str, what: str, cls: type[KindT]) -> KindT:
    entry = table.get(name)
    if entry is None or not isinstance(entry.kind, cls):
        known = ", ".join(sorted(table)) or "none"
        raise BadSetting(f"there is no {what} {name!r}", cure=f"Choose one of: {known}. See `guardian plugins list`.")
    return entry.kind
