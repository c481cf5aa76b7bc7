"""A camera that is not there: a moving test pattern, made on the spot."""

from collections.abc import Sequence

from pydantic import BaseModel

from guardian.sdk import CameraKind, CameraSource, Plugin, hookimpl
from guardian_testpattern.config import TestPatternConfig


def _make(settings: BaseModel, stream: str) -> CameraSource:
    from guardian_testpattern.source import TestPatternSource

    assert isinstance(settings, TestPatternConfig)
    return TestPatternSource(settings)


class TestPatternPlugin(Plugin):
    """Brings the camera kind `testpattern`."""

    __test__ = False  # no test class, in spite of its name

    @hookimpl
    def register_cameras(self) -> Sequence[CameraKind]:
        return [CameraKind("testpattern", "Test pattern", TestPatternConfig, _make, lambda settings: ("main",))]
