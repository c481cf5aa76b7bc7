"""The insight process: classifiers and text embedders of plugins, beside all that must not wait for them or fall with them.

It is started when it is first asked, and ends when nobody has asked for a while. Whoever asks ends it when an answer takes
too long.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import structlog
from numpy.typing import NDArray

from guardian.interfaces import CropClassifier, TextEmbedder
from guardian.model.classification import Classification
from guardian.model.errors import GuardianError
from guardian.model.messages import ClassifyReply, ClassifyRequest, EmbedReply, EmbedRequest, RankRequest
from guardian.platform.ipc import BlockingLink, LinkClosed
from guardian.platform.limits import harden
from guardian.platform.logs import set_up_logs
from guardian.pluginhost.discovery import discover
from guardian.pluginhost.manifest import read_manifest
from guardian.pluginhost.registry import ContextMaker, PluginRegistry
from guardian.processes.jobs import InsightJob
from guardian.settings.schema import PluginsSettings

_log = structlog.get_logger(__name__)
WHOLE = 127  # a vector's sides, -1..1, as signed bytes: a cosine of 256 of them is right to 0.01


def main(job: InsightJob) -> None:
    """Entry of the process: answers until the conductor hangs up."""
    set_up_logs()
    harden()  # it holds pictures
    link = BlockingLink(job.sock)
    insight = Insight(registry_of(Path(job.data_dir), PluginsSettings.model_validate_json(job.plugins_json)))
    try:
        while True:
            message, payload = link.receive()
            if isinstance(message, ClassifyRequest):
                link.send(insight.classify(message, payload))
            elif isinstance(message, EmbedRequest):
                link.send(*insight.embed(message))
            elif isinstance(message, RankRequest):
                link.send(*insight.rank(message, payload))
    except LinkClosed:
        pass
    finally:
        link.close()


def registry_of(data_dir: Path, plugins: PluginsSettings) -> PluginRegistry:
    """Load those plugins only whose manifest offers a classifier or an embedder."""
    names = set()
    for found in discover():
        try:
            if any(offer.startswith(("classifier:", "embedder:")) for offer in read_manifest(found.package).provides):
                names.add(found.name)
        except GuardianError:
            continue
    return PluginRegistry(plugins, ContextMaker(data_dir), only=frozenset(names))


class Insight:
    """Makes each classifier and embedder when it is first asked, and keeps it."""

    def __init__(self, registry: PluginRegistry) -> None:
        self._registry = registry
        self._classifiers: dict[str, CropClassifier] = {}
        self._embedders: dict[str, TextEmbedder] = {}

    def classify(self, request: ClassifyRequest, jpeg: bytes) -> ClassifyReply:
        """Ask a classifier about a crop."""
        try:
            classifier = self._classifiers.get(request.classifier)
            if classifier is None:
                classifier = self._registry.classifier(request.classifier).make()
                self._classifiers[request.classifier] = classifier
            picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
            if picture is None:
                return ClassifyReply(request.ticket, error="the crop is no picture")
            said = classifier.classify(picture, request.label)  # type: ignore[arg-type]
            if not isinstance(said, Classification):
                return ClassifyReply(request.ticket, error=f"it answered with {type(said).__name__}, not Classification")
        except Exception as error:  # noqa: BLE001 - foreign code: the classifier named by who asked
            return ClassifyReply(request.ticket, error=_said(error))
        return ClassifyReply(request.ticket, said)

    def embed(self, request: EmbedRequest) -> tuple[EmbedReply, bytes]:
        """Turn texts into vectors of signed bytes."""
        try:
            return EmbedReply(request.ticket), _as_bytes(self._vectors(request.embedder, request.texts))
        except Exception as error:  # noqa: BLE001 - as above
            return EmbedReply(request.ticket, _said(error)), b""

    def rank(self, request: RankRequest, payload: bytes) -> tuple[EmbedReply, bytes]:
        """Say how near a text is to each vector."""
        try:
            asked = self._vectors(request.embedder, (request.text,))[0]
            known = np.frombuffer(payload, np.int8).reshape(request.count, len(asked)).astype(np.float32) / WHOLE
            lengths = np.linalg.norm(known, axis=1) + 1e-9
            return EmbedReply(request.ticket), (known @ asked / lengths).astype("<f4").tobytes()
        except Exception as error:  # noqa: BLE001 - as above
            return EmbedReply(request.ticket, _said(error)), b""

    def _vectors(self, name: str, texts: tuple[str, ...]) -> NDArray[np.float32]:
        embedder = self._embedders.get(name)
        if embedder is None:
            embedder = self._embedders[name] = self._registry.text_embedder(name).make()
        vectors = np.asarray(embedder.embed(texts), np.float32)
        if vectors.ndim != 2 or len(vectors) != len(texts) or not np.isfinite(vectors).all():
            raise ValueError(f"it gave an array of {vectors.shape} for {len(texts)} texts")
        return vectors


def _as_bytes(vectors: NDArray[np.float32]) -> bytes:
    scaled: NDArray[np.int8] = np.clip(np.rint(vectors * WHOLE), -WHOLE, WHOLE).astype(np.int8)
    return scaled.tobytes()


def _said(error: Exception) -> str:
    """What a log may say of it: never a foreign message, which might quote what was seen."""
    return error.message if isinstance(error, GuardianError) else type(error).__name__
