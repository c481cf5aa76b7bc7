"""One compiled model: pictures in as uint8, normalised inside the graph; as many requests in flight as there are streams.

Threads that wait for their own asynchronous requests, not an AsyncInferQueue: the queue gives the same pictures a CPU-second
(within 5 %) and would need a second hand-over of every answer. Batches cost more CPU a picture than two streams. The figures
are in docs/benchmarks.md.
"""

from __future__ import annotations

import os
import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from guardian.sdk import BadSetting, Detector, ModelSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_STREAMS = 2  # of the processor: two requests at once give 1.3 times one over all cores, more streams only cost memory


@lru_cache(maxsize=1)
def _core() -> Any:
    import openvino

    return openvino.Core()


def devices() -> tuple[str, ...]:
    """Name the devices, such as `CPU (Intel ...)`."""
    core = _core()
    return tuple(f"{name} ({core.get_property(name, 'FULL_DEVICE_NAME')})" for name in core.available_devices)


def can_run(spec: ModelSpec) -> str:
    """Say why not, or nothing."""
    suffix = Path(spec.path).suffix
    if suffix == ".xml" and not Path(spec.path).with_suffix(".bin").is_file():
        return f"{Path(spec.path).name} lacks its weights, the .bin file beside it"
    return "" if suffix in (".onnx", ".xml", ".tflite") else f"{suffix or 'this'} files are not for OpenVINO"


def make(spec: ModelSpec, device: str) -> Detector:
    """Load and compile a model."""
    return OpenVinoDetector(spec, device)


class OpenVinoDetector:
    """Implements Detector."""

    def __init__(self, spec: ModelSpec, device: str) -> None:
        import openvino

        core = _core()
        model = _with_preprocessing(_read(core, spec.path), spec)
        name = _pick(core, device)
        config = _config(spec, name)
        self._compiled = core.compile_model(model, name, config)
        try:
            self.parallel = max(1, int(self._compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")))
        except RuntimeError:
            self.parallel = 1
        if name == "CPU":
            self.parallel = min(self.parallel, MOST_STREAMS)
        self.device = f"{name} (OpenVINO {openvino.__version__.partition('-')[0]})"
        self._local = threading.local()

    def infer(self, batch: NDArray[np.uint8]) -> list[list[NDArray[np.float32]]]:
        """Run pictures, as many beside each other as there are streams; other threads may do the same beside.

        One waits for the other only when all streams are busy: the crops of one frame on an idle box take the time of one.
        """
        ready = getattr(self._local, "requests", None)
        if ready is None:
            ready = self._local.requests = []
        while len(ready) < min(len(batch), self.parallel):
            ready.append(self._compiled.create_infer_request())
        results = []
        for first in range(0, len(batch), self.parallel):
            under_way = ready[: len(batch[first : first + self.parallel])]
            for index, request in enumerate(under_way, first):
                request.start_async([batch[index : index + 1]], share_inputs=True)
            for request in under_way:
                request.wait()
            results += [self._outputs(request) for request in under_way]
        return results

    def _outputs(self, request: Any) -> list[NDArray[np.float32]]:
        outputs = [request.get_output_tensor(i).data.copy() for i in range(len(self._compiled.outputs))]
        return [output.astype("float32", copy=False) for output in outputs]

    def close(self) -> None:
        """Let go of the compiled model."""
        self._local = threading.local()
        self._compiled = None


def _pick(core: Any, device: str) -> str:
    """AUTO is left to OpenVINO only where there is a choice: with nothing but a processor it would only cost start-up time."""
    available = list(core.available_devices)
    if device.upper() == "AUTO":
        return "CPU" if available == ["CPU"] else "AUTO"
    if device.upper().partition(".")[0].partition(":")[0] not in {"AUTO", *(name.partition(".")[0] for name in available)}:
        raise BadSetting(
            f"OpenVINO finds no device {device}",
            field="detector.device",
            cure=f"Choose AUTO or one of: {', '.join(available)}.",
        )
    return device.upper()


def _config(spec: ModelSpec, device: str) -> dict[str, str]:
    latency = spec.option("hint") == "latency"
    config = {"PERFORMANCE_HINT": "LATENCY" if latency else "THROUGHPUT"}
    if device == "CPU" and latency:
        if threads := spec.option("threads"):
            config["INFERENCE_NUM_THREADS"] = threads
    elif device == "CPU":
        config["NUM_STREAMS"] = str(min(MOST_STREAMS, os.cpu_count() or 1))
        if threads := spec.option("threads"):
            config["INFERENCE_NUM_THREADS"] = threads
            config["NUM_STREAMS"] = str(min(MOST_STREAMS, int(threads)))
    if precision := spec.option("precision"):
        config["INFERENCE_PRECISION_HINT"] = precision
    if cache := spec.option("cache_dir"):
        config["CACHE_DIR"] = cache
    return config


def _with_preprocessing(model: Any, spec: ModelSpec) -> Any:
    """Let the graph itself take uint8 pictures in NHWC, and do the rest."""
    import openvino
    from openvino import preprocess

    if len(model.inputs) != 1 or len(model.input(0).partial_shape) != 4:
        raise BadSetting(f"model {spec.name} does not take one picture", cure="Use a detector with one image input.")
    shape = model.input(0).partial_shape
    channels_last = shape[3].is_static and shape[3].get_length() == 3
    wanted = [1, spec.height, spec.width, 3] if channels_last else [1, 3, spec.height, spec.width]
    if model.input(0).partial_shape.is_dynamic:
        model.reshape(openvino.PartialShape(wanted))
    if list(model.input(0).shape) != wanted:
        found = "×".join(str(n) for n in model.input(0).shape)
        raise BadSetting(
            f"model {spec.name} takes {found}, its card says {spec.width}×{spec.height}",
            field="width",
            cure="Correct width and height in its card.",
        )
    floating = model.input(0).element_type.is_real()
    process = preprocess.PrePostProcessor(model)
    picture = process.input()
    picture.tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    picture.model().set_layout(openvino.Layout("NHWC" if channels_last else "NCHW"))
    if floating:  # a quantised model takes the bytes as they are
        steps = picture.preprocess().convert_element_type(openvino.Type.f32)
        steps.mean([float(part) for part in spec.option("mean", "0,0,0").split(",")])
        steps.scale([float(part) for part in spec.option("scale", "1,1,1").split(",")])
    return process.build()


def _read(core: Any, path: str) -> Any:
    """Read a model; a TFLite one that ends in the post-processing layer is cut before it: boxes, scores, anchors come out."""
    if not path.endswith(".tflite"):
        return core.read_model(path)
    import openvino
    from openvino.frontend import FrontEndManager

    front = FrontEndManager().load_by_framework("tflite")
    model = front.convert_partially(front.load(path))
    ends = [node for node in model.get_ops() if "FrameworkNode" in node.get_type_name()]
    if not ends:
        return model
    if len(ends) > 1 or len(ends[0].inputs()) != 3:
        names = ", ".join(sorted({str(node.get_friendly_name()) for node in ends}))
        raise BadSetting(f"layers that OpenVINO does not know: {names}", cure="Export the model as ONNX.")
    outputs = [_before_rounding(port.get_source_output()) for port in ends[0].inputs()]
    return openvino.Model(outputs, model.get_parameters(), "cut_before_post_processing")


def _before_rounding(output: Any) -> Any:
    """Quantised models round to uint8 for the cut-off layer (FakeQuantize, Convert): take the real numbers before that."""
    for kind in ("Convert", "FakeQuantize"):
        if output.get_node().get_type_name() == kind:
            output = output.get_node().input(0).get_source_output()
    return output
