"""What the link to a relay gets from this home: its key, and sealing, for which the public key is enough."""

from __future__ import annotations

from pathlib import Path

import structlog

from guardian.model.errors import GuardianError
from guardian.model.segment import ContentKind, SegmentHeader
from guardian.platform.clock import Clock
from guardian.pluginhost.registry import PluginRegistry
from guardian.services.relay import RelayService
from guardian.vault.home import HomeKey
from guardian.vault.keyring import Keyring
from guardian.vault.sealer import VaultSealer, seal_padded

_log = structlog.get_logger(__name__)


def make_relay(data_dir: Path, registry: PluginRegistry, keyring: Keyring, clock: Clock) -> RelayService:
    """Return the service; without a plugin, or a readable home key, it says so when it is asked for something."""
    kind = registry.relay_link()
    if kind is None:
        return RelayService(None, None, lambda: False)
    home = None
    try:
        sealer = VaultSealer(keyring.public_key, keyring.epoch)
        home = HomeKey.load(data_dir / "vault", keyring, sealer, clock.now().utc_us)
    except (GuardianError, OSError) as error:
        _log.error("no_home_key", problem=str(error))
    return RelayService(kind.make(), home, lambda: keyring.unlocked)


def seal_text(keyring: Keyring, name: str, text: bytes, sizes: tuple[int, ...], utc_us: int) -> bytes:
    """Seal a JSON text for `PluginContext.seal`. Its clear header has a name and a time, and no camera."""
    header = SegmentHeader(name, name, "", "", ContentKind.EVENT_DETAILS, utc_us, 0, 0)
    return seal_padded(VaultSealer(keyring.public_key, keyring.epoch), header, text, sizes)
