"""What the link to a relay gets from this home: its key, and sealing, for which the public key is enough."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog

from guardian.model.errors import GuardianError
from guardian.model.segment import ContentKind, SegmentHeader
from guardian.platform.clock import Clock
from guardian.pluginhost.registry import PluginRegistry
from guardian.services.cameras import CameraService
from guardian.services.events import EventService
from guardian.services.live import LiveHub
from guardian.services.recordings import RecordingService
from guardian.services.relay import RelayService
from guardian.services.viewer_desk import DeskSources
from guardian.services.viewing import ViewingService
from guardian.vault.home import HomeKey
from guardian.vault.keyring import Keyring
from guardian.vault.sealer import VaultSealer, seal_padded
from guardian.vault.vault_file import FILE

_log = structlog.get_logger(__name__)


Looks = tuple[CameraService, EventService, LiveHub, RecordingService]


def make_relay(
    data_dir: Path, registry: PluginRegistry, keyring: Keyring, clock: Clock, looks: Looks
) -> tuple[RelayService, ViewingService]:
    """Return the services of the link and of those who look through it; without a plugin, or a readable home key, they say so
    when they are asked for something.
    """
    home = None
    try:
        sealer = VaultSealer(keyring.public_key, keyring.epoch)
        home = HomeKey.load(data_dir / "vault", keyring, sealer, clock.now().utc_us)
    except (GuardianError, OSError) as error:
        _log.error("no_home_key", problem=str(error))
    kind = registry.relay_link()
    link = kind.make() if kind is not None else None
    viewing = ViewingService(data_dir / "vault", home, clock, _sources(data_dir, keyring, looks))
    if link is not None:
        link.take_viewers(viewing.serve)
    return RelayService(link, home, lambda: keyring.unlocked), viewing


def _sources(data_dir: Path, keyring: Keyring, looks: Looks) -> Callable[..., DeskSources]:
    cameras, events, live, recordings = looks
    return partial(
        DeskSources,
        vault_file=(data_dir / "vault" / FILE).read_bytes,
        keyring=keyring,
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
