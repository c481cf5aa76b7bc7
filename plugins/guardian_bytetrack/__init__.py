"""Follows things over frames in the manner of ByteTrack. Import-light: numpy is loaded when a tracker is made."""

from collections.abc import Sequence

from guardian.sdk import Plugin, Tracker, TrackerKind, hookimpl


class ByteTrackPlugin(Plugin):
    """Brings the tracker `bytetrack`, the default one."""

    @hookimpl
    def register_trackers(self) -> Sequence[TrackerKind]:
        return [TrackerKind("bytetrack", "ByteTrack", _make)]


def _make() -> Tracker:
    from guardian_bytetrack.tracker import ByteTracker

    return ByteTracker()
