"""What the settings choose of what plugins bring, made ready for the services that use it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from guardian.model.errors import BadSetting
from guardian.model.health import Finding, Health
from guardian.model.messages import CameraJob
from guardian.model.segment import SegmentRecord
from guardian.pluginhost.registry import PluginRegistry
from guardian.processes.refusals import first_fault
from guardian.services.notifications import Channel
from guardian.services.tiers import Tier
from guardian.settings.schema import CameraSettings, Settings
from guardian.settings.secrets import resolve


def channels_of(settings: Settings, registry: PluginRegistry) -> tuple[Channel, ...]:
    """Return the ways to tell the owner. BadSetting."""
    channels = []
    for name, wish in settings.notify.items():
        kind = registry.notifier(wish.kind)
        notifier = kind.make(kind.config_model.model_validate(resolve(wish.settings, f"notify.{name}.settings")))
        channels.append(
            Channel(
                name,
                notifier,
                frozenset(wish.labels),
                frozenset(wish.cameras),
                frozenset(wish.zones),
                frozenset(wish.happenings),
            )
        )
    return tuple(channels)


def tiers_of(settings: Settings, registry: PluginRegistry) -> tuple[Tier, ...]:
    """Return the further places for footage. BadSetting."""
    tiers = []
    for name, wish in settings.storage.tiers.items():
        kind = registry.storage_kind(wish.kind)
        config = kind.config_model.model_validate(resolve(wish.settings, f"storage.tiers.{name}.settings"))
        tiers.append(Tier(name, wish, kind.make(config)))
    return tuple(tiers)


def with_source(camera: str, settings: CameraSettings, registry: PluginRegistry) -> CameraSettings:
    """Return a camera's settings with the secrets of its source, as the plugin of its kind takes them. GuardianError."""
    kind = registry.camera(settings.kind)
    source = resolve(settings.source, f"cameras.{camera}.source")
    try:
        kind.config_model.model_validate(source)
    except ValueError as error:
        message = f"cameras.{camera}.source: {first_fault(error)}"
        raise BadSetting(message, cure="Correct the camera's settings.") from error
    return settings.model_copy(update={"source": source})


def what_is_there(own: CameraSettings, tracker: str, registry: PluginRegistry) -> tuple[CameraSettings, tuple[str, ...]]:
    """Return a camera's settings without what no plugin brings, and a note for each such thing: recording depends on none."""
    notes = []
    if own.detect.enabled and tracker not in registry.trackers:
        own = own.model_copy(update={"detect": own.detect.model_copy(update={"enabled": False})})
        notes.append(f"Watching is off: there is no tracker {tracker!r}.")
    deaf = [name for name in own.audio.detectors if own.audio.enabled and name not in registry.audio_detectors]
    blind = [name for name in own.detect.classifiers if own.detect.enabled and name not in registry.classifiers]
    notes += [f"There is no audio detector {name!r}: see `guardian plugins list`." for name in deaf]
    notes += [f"There is no classifier {name!r}: see `guardian plugins list`." for name in blind]
    return own, tuple(notes)


def camera_job(camera: str, own: CameraSettings, settings: Settings, registry: PluginRegistry) -> CameraJob:
    """Return what a camera's process is to do, without what only its conductor knows: keys, folders and sockets.

    `own` are its settings with its source as it was at the start; the rules of watching are those of now.
    """
    now = settings.cameras[camera].detect if camera in settings.cameras else own.detect
    own = own.model_copy(update={"detect": now.model_copy(update={"enabled": own.detect.enabled})})
    tracker = registry.trackers.get(settings.detector.tracker)
    heard = [registry.audio_detectors[name].plugin for name in own.audio.detectors if name in registry.audio_detectors]
    return CameraJob(
        camera=camera,
        name=own.name or camera,
        kind=own.kind,
        plugin=registry.cameras[own.kind].plugin,
        options_json=own.model_dump_json(),
        data_dir="",
        vault_public_key=b"",
        vault_epoch=0,
        conductor_socket="",
        inference_socket="",
        secret="",
        tracker_plugin=tracker.plugin if tracker is not None else "",
        tracker=settings.detector.tracker,
        audio_plugins=tuple(dict.fromkeys(heard)) if own.audio.enabled else (),
        plugins_json=settings.plugins.model_dump_json(),
        log_json=settings.log.format == "json",
        time_zone=settings.place.time_zone,
    )


def plugin_findings(registry: PluginRegistry) -> tuple[Finding, ...]:
    """Return what is wrong with plugins."""
    bad = [entry for entry in registry.entries if entry.state in ("failed", "incompatible", "shadowed")]
    return tuple(Finding(f"plugin {entry.found.name}", Health.WARNING, entry.problem) for entry in bad)


def clip_margins(settings: Settings, camera: str) -> tuple[float, float]:
    """Return the seconds before and after an event of a camera in its clip."""
    own = settings.cameras.get(camera)
    return (own.detect.pre_s, own.detect.post_s) if own is not None else (5.0, 5.0)


async def sealed_bytes(data_dir: Path, segment: SegmentRecord) -> AsyncIterator[bytes]:
    """Give a segment's sealed bytes, piece by piece."""
    with await asyncio.to_thread((data_dir / "segments" / segment.path).open, "rb") as file:
        while chunk := await asyncio.to_thread(file.read, 1024 * 1024):
            yield chunk
