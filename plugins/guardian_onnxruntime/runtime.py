"""One ONNX session on CPU, CUDA or OpenVINO. Pictures are normalised with numpy; one request at a time uses all cores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from guardian.sdk import BadSetting, Detector, ModelSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PROVIDER = "ExecutionProvider"
_Provider = str | tuple[str, dict[str, str]]


def _providers() -> list[str]:
    import onnxruntime

    names: list[str] = onnxruntime.get_available_providers()
    return [name for name in names if not name.startswith("Azure")]  # that one sends pictures away


def devices() -> tuple[str, ...]:
    """Name what this build can use, such as `CPU`."""
    return tuple(name.removesuffix(_PROVIDER) for name in _providers())


def can_run(spec: ModelSpec) -> str:
    """Say why not, or nothing."""
    suffix = Path(spec.path).suffix
    return "" if suffix == ".onnx" else f"{suffix or 'this'} files are not for ONNX Runtime"


def make(spec: ModelSpec, device: str) -> Detector:
    """Load a model."""
    return OnnxDetector(spec, device)


class OnnxDetector:
    """Implements Detector."""

    parallel = 1
    notes: tuple[str, ...] = ()

    def __init__(self, spec: ModelSpec, device: str) -> None:
        import numpy as np
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors only
        if threads := spec.option("threads"):
            options.intra_op_num_threads = int(threads)
        wished = _choose(device, spec.option("cache_dir"))
        self._session: Any = onnxruntime.InferenceSession(spec.path, options, providers=wished)
        source = self._session.get_inputs()[0]
        self._input = source.name
        self._nchw = _is_nchw(spec, source.shape)
        self._quantised = source.type == "tensor(uint8)"
        self._kind = np.float16 if source.type == "tensor(float16)" else np.float32
        scale = [float(part) for part in spec.option("scale", "1,1,1").split(",")]
        mean = [float(part) for part in spec.option("mean", "0,0,0").split(",")]
        self._factor = np.array([1 / part for part in scale], np.float32)  # x × factor + shift = (x - mean) / scale
        self._shift = np.array([-m / s for m, s in zip(mean, scale, strict=True)], np.float32)
        provider = self._session.get_providers()[0].removesuffix(_PROVIDER)
        first = _name(wished[0])
        if provider != first:  # ONNX Runtime falls back by itself, and says so in its log only
            self.notes = (f"ONNX Runtime could not use {first} (is its driver installed?) and uses {provider}",)
        self.device = f"{provider} (ONNX Runtime {onnxruntime.__version__})"

    def _prepare(self, picture: NDArray[np.uint8]) -> NDArray[Any]:
        if self._quantised:
            ready: NDArray[Any] = picture
        else:
            ready = (picture * self._factor + self._shift).astype(self._kind, copy=False)
        if self._nchw:
            ready = ready.transpose(2, 0, 1)
        return ready[None]

    def infer(self, batch: NDArray[np.uint8]) -> list[list[NDArray[np.float32]]]:
        """Run pictures one after the other."""
        import numpy as np

        results = []
        for picture in batch:
            outputs = self._session.run(None, {self._input: np.ascontiguousarray(self._prepare(picture))})
            results.append([output.astype(np.float32, copy=False) for output in outputs])
        return results

    def close(self) -> None:
        """Let go of the session."""
        self._session = None


def _name(provider: _Provider) -> str:
    return (provider if isinstance(provider, str) else provider[0]).removesuffix(_PROVIDER)


def _choose(device: str, cache_dir: str) -> list[_Provider]:
    """Return what a session is to try in turn. AUTO: the accelerators that this build has, then the processor.

    OpenVINO's provider on a mere processor is slower than the processor's own and than OpenVINO itself: only by name.
    """
    available = _providers()
    options: dict[str, dict[str, str]] = {"OpenVINO": {"device_type": "AUTO"}}
    if cache_dir:
        options["OpenVINO"]["cache_dir"] = cache_dir
    names = [name.removesuffix(_PROVIDER) for name in available]
    if device.upper() == "AUTO":
        chosen = [name for name in names if name != "OpenVINO"]
    else:
        chosen = [name for name in names if name.upper() == device.upper()]
        if chosen and chosen != ["CPU"]:
            chosen.append("CPU")
    if not chosen:
        raise BadSetting(
            f"ONNX Runtime has no {device}", field="detector.device", cure=f"Choose AUTO or one of: {', '.join(devices())}."
        )
    return [(name + _PROVIDER, options[name]) if name in options else name + _PROVIDER for name in chosen]


def _is_nchw(spec: ModelSpec, shape: list[Any]) -> bool:
    """Check the input's size against the card (names stand for free sizes) and return whether channels come first."""
    if len(shape) != 4:
        raise BadSetting(f"model {spec.name} does not take one picture", cure="Use a detector with one image input.")
    channels_first = bool(shape[1] == 3)
    sides = shape[2:4] if channels_first else shape[1:3]
    if any(isinstance(side, int) and side != want for side, want in zip(sides, (spec.height, spec.width), strict=True)):
        raise BadSetting(
            f"model {spec.name} takes {sides[1]}×{sides[0]} pixels, its card says {spec.width}×{spec.height}",
            field="width",
            cure="Correct width and height in its card.",
        )
    return channels_first
