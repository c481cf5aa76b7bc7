"""Has another machine of the owner's look at the pictures: the client of `guardian infer serve`."""

from collections.abc import Sequence

from guardian.sdk import DetectorKind, Plugin, hookimpl
from guardian_remote_detector.config import RemoteDetectorConfig


class RemoteDetectorPlugin(Plugin):
    """Brings the detector runtime `remote`."""

    Config = RemoteDetectorConfig

    @hookimpl
    def register_detectors(self) -> Sequence[DetectorKind]:
        from guardian_remote_detector.detector import RemoteDetector

        config = self.config
        assert isinstance(config, RemoteDetectorConfig)

        def devices() -> tuple[str, ...]:
            return (config.url,) if config.url else ()

        def can_run(_: object) -> str:
            return "" if config.url else "plugins.settings.remote_detector.url is not set"

        return [
            DetectorKind("remote", "Remote", 90, can_run, lambda spec, _: RemoteDetector(spec, config), devices, remote=True)
        ]
