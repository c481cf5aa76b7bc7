"""What the link to a relay gets from this home: its key, and sealing, for which the public key is enough."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog

from guardian.interfaces import CloudLine
from guardian.model.errors import GuardianError
from guardian.model.relay import RelayState
from guardian.model.segment import ContentKind, SegmentHeader
from guardian.platform.clock import Clock
from guardian.pluginhost.registry import PluginRegistry
from guardian.services.afar_settings import AfarSettings
from guardian.services.cameras import CameraService
from guardian.services.commands import CommandService, Wire
from guardian.services.events import EventService
from guardian.services.live import LiveHub
from guardian.services.recordings import RecordingService
from guardian.services.relay import RelayService
from guardian.services.signers import SignerService
from guardian.services.signers import Wire as MemberWire
from guardian.services.viewer_desk import DeskSources
from guardian.services.viewing import ViewingService
from guardian.vault.home import HomeKey
from guardian.vault.keyring import Keyring
from guardian.vault.sealer import VaultSealer, seal_padded

_log = structlog.get_logger(__name__)
OURS = "private-ai-guardian"  # the distribution of what is the project's own


Looks = tuple[CameraService, EventService, LiveHub, RecordingService]


def make_relay(
    data_dir: Path, registry: PluginRegistry, keyring: Keyring, clock: Clock, looks: Looks, settings: AfarSettings
) -> tuple[RelayService, ViewingService, CommandService]:
    """Return the services of the link, of those who look through it, and of what is asked through it; without a plugin, or a readable
    home key, they say so when they are asked for something.
    """
    home = None
    try:
        sealer = VaultSealer(keyring.public_key, keyring.epoch)
        home = HomeKey.load(data_dir / "vault", keyring, sealer, clock.now().utc_us)
    except (GuardianError, OSError) as error:
        _log.error("no_home_key", problem=str(error))
    kind = registry.relay_link()
    link = kind.make() if kind is not None else None
    viewing = ViewingService(data_dir / "vault", home, keyring, clock, _sources(data_dir, looks))
    if link is not None:
        link.take_viewers(viewing.serve)
    able = link is not None and importlib.util.find_spec("google.protobuf") is not None
    opaque = link.opaque if link is not None else _no_name

    def cameras() -> list[str]:
        return [one.id for one in looks[0].list()]

    def ids() -> dict[str, str]:
        return {camera: opaque(camera).hex() for camera in cameras()}

    signers = SignerService(data_dir / "vault", home, _member_wire if able else None, clock, ids)
    commands = CommandService(data_dir, home, _wire if able else None, settings, cameras, opaque, clock, signers)
    if link is not None and (brought := registry.cloud_sync()) is not None:
        sync = brought.make()
        plugins, joined = partial(_plugins, registry), lambda: link.status().state is not RelayState.NONE
        sync.use(CloudLine(link.say, link.opaque, commands.ask, plugins, signers.statements, joined))
        link.take_sync(sync)
        signers.tell = sync.tell_statement
        commands.taken = True
    return RelayService(link, home, lambda: keyring.unlocked), viewing, commands


def _wire() -> Wire:
    """Commands as bytes. Loaded when the first one comes: a home without a cloud needs no protobuf in its memory."""
    from guardian.protocol import commands

    return commands


def _member_wire() -> MemberWire:
    from guardian.protocol import members

    return members


def _no_name(camera: str) -> bytes:
    return b""


def _plugins(registry: PluginRegistry) -> tuple[tuple[str, str, bool], ...]:
    """Name and state of each plugin, and whether it is the project's own."""
    return tuple((one.found.name, one.state, one.found.distribution == OURS) for one in registry.entries)


def _sources(data_dir: Path, looks: Looks) -> Callable[..., DeskSources]:
    cameras, events, live, recordings = looks
    return partial(
        DeskSources,
        cameras=cameras,
        events=events,
        live=live,
        footage=recordings,
        pictures=data_dir / "pictures",
    )


def seal_text(keyring: Keyring, name: str, text: bytes, sizes: tuple[int, ...], utc_us: int) -> bytes:
    """Seal a JSON text for `PluginContext.seal`. Its clear header has a name and a time, and no camera."""
    header = SegmentHeader(name, name, "", "", ContentKind.EVENT_DETAILS, utc_us, 0, 0)
    return seal_padded(VaultSealer(keyring.public_key, keyring.epoch), header, text, sizes)
