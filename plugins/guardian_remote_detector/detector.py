"""A detector on another machine: brings that machine's model, and gives its detections as rows of six numbers.

Whatever goes wrong on the way is ServiceUnavailable, upon which Guardian's local model stands in and this is made anew later.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from guardian.sdk import BadSetting, ModelSpec, ServiceUnavailable
from guardian_remote_detector.config import RemoteDetectorConfig

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class RemoteModel:
    """What the other machine runs."""

    name: str
    backend: str
    device: str
    width: int
    height: int
    colour: str
    pad: int
    labels: tuple[str, ...]
    threshold: float
    revision: str


class Line(Protocol):
    """One way to speak to it. Rows are label, score, x1, y1, x2, y2. BlockingIOError: it has too much to do."""

    def describe(self) -> RemoteModel: ...

    def detect(self, revision: str, count: int, pictures: bytes) -> list[list[list[float]]]: ...

    def close(self) -> None: ...


class RemoteDetector:
    """Implements Detector."""

    def __init__(self, spec: ModelSpec, config: RemoteDetectorConfig) -> None:
        self._line = _line(config)
        try:
            model = self._line.describe()
        except BaseException:
            self._line.close()
            raise
        if not (16 <= model.width <= 4096 and 16 <= model.height <= 4096 and model.labels):
            raise BadSetting("what answers there describes no model", field="plugins.settings.remote_detector.url")
        self._revision = model.revision
        self.parallel = config.requests
        host, port = config.address
        self.device = f"{model.device} at {host}:{port}"
        self.spec = replace(
            spec,
            name=model.name,
            path="",
            family="detections",
            width=model.width,
            height=model.height,
            labels=model.labels,
            threshold=model.threshold,
            keep=frozenset(),
            options=(("colour", model.colour), ("pad", str(model.pad))),
        )

    def infer(self, batch: NDArray[np.uint8]) -> list[list[NDArray[np.float32]]]:
        """Ask for all pictures at once."""
        import numpy as np

        found = self._line.detect(self._revision, len(batch), batch.tobytes())
        if len(found) != len(batch):
            raise ServiceUnavailable(f"{len(found)} answers for {len(batch)} pictures", cure="Update both machines.")
        rows = [np.array(one, np.float32).reshape(-1, 6)[:, [2, 3, 4, 5, 1, 0]] for one in found]
        return [[one] for one in rows]

    def close(self) -> None:
        """Hang up."""
        self._line.close()


def _line(config: RemoteDetectorConfig) -> Line:
    if config.scheme.startswith("grpc"):
        try:
            from guardian_remote_detector.grpc_line import GrpcLine
        except ImportError:
            raise BadSetting(
                "gRPC is not installed",
                field="plugins.settings.remote_detector.url",
                cure="pip install 'private-ai-guardian[grpc]', or use https://.",
            ) from None
        return GrpcLine(config)
    from guardian_remote_detector.http_line import HttpLine

    return HttpLine(config)
