"""A model made ready: a detector from one of the runtimes, and what its raw outputs mean. Thread-safe as far as the runtime is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from guardian.detect.families import FAMILIES, Candidates
from guardian.detect.families.family import unexpected
from guardian.detect.nms import suppress
from guardian.interfaces import Detector, DetectorKind, ModelSpec
from guardian.model.errors import BadSetting, GuardianError, ServiceUnavailable
from guardian.model.messages import ModelReady
from guardian.model.vision import Box, Detection

MOST_DETECTIONS = 100  # a picture; COCO's own limit
FLOOR_SHARE = 0.5  # of the threshold: weaker ones are reported too, for trackers that hold on to a thing through them
AUTO = "auto"


class Engine:
    """Finds things in pictures of the model's size and colour order."""

    def __init__(self, spec: ModelSpec, detector: Detector, backend: str) -> None:
        self.spec, self.detector, self.backend = spec, detector, backend
        self._family = FAMILIES[spec.family]
        self._iou = float(spec.option("iou", f"{self._family.iou}"))
        self._groups = _groups(spec)
        self._wanted = np.array([not spec.keep or label in spec.keep for label in spec.labels])
        self.floor = spec.threshold * FLOOR_SHARE
        self.parallel = max(1, detector.parallel)

    @property
    def ready(self) -> ModelReady:
        """What cameras are told of it."""
        spec = self.spec
        return ModelReady(
            model=spec.name,
            backend=self.backend,
            device=self.detector.device,
            width=spec.width,
            height=spec.height,
            colour=spec.option("colour", self._family.colour),
            pad=int(spec.option("pad", f"{self._family.pad}")),
            labels=tuple(label for label in spec.labels if not spec.keep or label in spec.keep),
            threshold=spec.threshold,
        )

    def detect(self, pictures: NDArray[np.uint8]) -> list[tuple[Detection, ...]]:
        """Return what is in each of the pictures (N, H, W, 3), best first, boxes relative to the picture.

        Detections below the model's threshold, down to half of it, are among them: `ModelReady.threshold` says which to believe.
        """
        return [self._read(outputs) for outputs in self.detector.infer(pictures)]

    def try_once(self) -> None:
        """Look at a grey picture: BadSetting where the network's outputs are not its family's."""
        outputs = self.detector.infer(np.full((1, self.spec.height, self.spec.width, 3), 128, np.uint8))
        try:
            for one in outputs:
                self._read(one)
        except (ValueError, IndexError, TypeError) as error:  # shapes that no family expects
            raise unexpected(self.spec, outputs[0], "other outputs") from error

    def _read(self, outputs: Sequence[NDArray[np.float32]]) -> tuple[Detection, ...]:
        found = self._family.decode(outputs, self.spec, self.floor)
        if not len(found.scores):
            return ()
        wanted = np.flatnonzero(self._wanted[found.classes] & np.isfinite(found.boxes).all(axis=1))
        boxes = np.clip(found.boxes[wanted], 0.0, 1.0)
        found = Candidates(boxes, found.scores[wanted], found.classes[wanted])
        kept = suppress(boxes, found.scores, self._groups[found.classes], self._iou, MOST_DETECTIONS)
        rows = zip(found.classes[kept].tolist(), found.scores[kept].tolist(), boxes[kept].tolist(), strict=True)
        return tuple(Detection(self.spec.labels[label], round(score, 4), Box(*box)) for label, score, box in rows)

    def close(self) -> None:
        """Release the device."""
        self.detector.close()


def _groups(spec: ModelSpec) -> NDArray[np.intp]:
    """Return for each class the group within which boxes suppress each other: its own, or one shared by the card's `same`."""
    groups = np.arange(len(spec.labels))
    for number, names in enumerate(filter(None, spec.option("same").split(";"))):
        for name in names.split(","):
            groups[spec.labels.index(name)] = len(spec.labels) + number
    return groups


def open_engine(
    spec: ModelSpec,
    kinds: Sequence[DetectorKind],
    *,
    backend: str = AUTO,
    device: str = "AUTO",
    say: Callable[[str], None] = lambda _: None,
) -> Engine:
    """Load a model with the wished runtime, or the first that can; try it once on an empty picture.

    `kinds` in order of preference. Falling back is told once through `say`. BadSetting or ServiceUnavailable when none can.
    """
    if backend != AUTO and kinds and backend not in {kind.name for kind in kinds}:
        known = ", ".join(kind.name for kind in kinds)
        raise BadSetting(
            f"there is no runtime {backend!r}", field="detector.backend", cure=f"Choose auto or one of: {known}."
        )
    failures: list[tuple[DetectorKind, Exception]] = []
    usable = [kind for kind in kinds if kind.name == backend or not kind.remote]
    for kind in sorted(usable, key=lambda kind: kind.name != backend):
        try:
            engine = _try(kind, spec, device if not failures or backend == AUTO else "AUTO")
        except Exception as error:
            failures.append((kind, error))
            if kind.remote:  # it may come back: the caller knows what stands in until then
                raise error if isinstance(error, GuardianError) else _none_can(spec, failures) from error
            continue
        if told := "; ".join([*(_told(*failure) for failure in failures), *notes_of(engine.detector)]):
            say(f"{told}. Using {kind.title} instead." if failures else f"{told}.")
        return engine
    raise _none_can(spec, failures)


def notes_of(detector: Detector) -> tuple[str, ...]:
    """Return what a detector has to say of itself: that it fell back from the device that was wished, for instance."""
    return tuple(getattr(detector, "notes", ()))


def _told(kind: DetectorKind, error: Exception) -> str:
    if isinstance(error, GuardianError):
        return f"{kind.title}: {error.message}"
    first_line = str(error).strip().splitlines()[0:1] or [""]
    return f"{kind.title}: {type(error).__name__}: {first_line[0]}"


def _none_can(spec: ModelSpec, failures: Sequence[tuple[DetectorKind, Exception]]) -> GuardianError:
    """Return the error that says what the owner can do: about a setting, about the file, or about what is installed."""
    told = "; ".join(_told(*failure) for failure in failures)
    faults = [error for _, error in failures if isinstance(error, BadSetting)]
    if faults:
        cures = dict.fromkeys(error.cure for error in faults if error.cure)
        return BadSetting(told, field=faults[0].field or "detector.model", cure=" ".join(cures))
    if any(not isinstance(error, ServiceUnavailable) for _, error in failures):
        return BadSetting(
            f"model {spec.name} does not load: {told}",
            field="detector.model",
            cure=f"Its file {Path(spec.path).name} may be damaged: fetch it again (`guardian models pull`), export it anew, or "
            "choose another model.",
        )
    return ServiceUnavailable(
        f"no runtime can run model {spec.name}: {told or 'none is installed'}",
        cure="Install one: pip install openvino, or pip install 'private-ai-guardian[onnx]'. Recording goes on without detection.",
    )


def _try(kind: DetectorKind, spec: ModelSpec, device: str) -> Engine:
    if reason := kind.can_run(spec):
        raise ServiceUnavailable(reason)
    detector = kind.make(spec, device)
    try:
        engine = Engine(getattr(detector, "spec", spec), detector, kind.name)
        engine.try_once()
    except BaseException:
        detector.close()
        raise
    return engine
