"""What leaves home of how it is: values in, messages out. docs/security.md accounts for each field; there is no other.

A camera is its opaque id and one of three states. A plugin is named where it is the project's own, for that name says nothing that the
wheel does not; of others their number alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from guardian.protocol.v1 import events_pb2 as events
from guardian.protocol.v1 import link_pb2 as link
from guardian.sdk import CameraState, CameraView

STATES = {CameraState.RUNNING: "recording", CameraState.STOPPED: "off", CameraState.ENDED: "off"}
MOST_PLUGINS = 64


def inventory(
    cameras: Sequence[CameraView],
    plugins: Sequence[tuple[str, str, bool]],
    opaque: Callable[[str], bytes],
    version: str,
) -> link.Inventory:
    """Return what is here. `plugins`: name, state, and whether it is the project's own."""
    own = [(name, state) for name, state, ours in plugins if ours][:MOST_PLUGINS]
    return link.Inventory(
        cameras=[link.Camera(camera=opaque(one.id), state=STATES.get(one.status.state, "connecting")) for one in cameras],
        version=version,
        plugins=[events.Plugin(name=name, state=state) for name, state in own],
        other_plugins=sum(not ours for _, _, ours in plugins),
    )
