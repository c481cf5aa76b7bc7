"""Runs detector models with ONNX Runtime: ONNX files, on CPU, and on GPUs where that build of it can."""

from collections.abc import Sequence

from guardian.sdk import DetectorKind, Finding, Health, HealthCheck, Plugin, hookimpl
from guardian_onnxruntime.runtime import can_run, devices, make


class OnnxRuntimePlugin(Plugin):
    """Brings the detector runtime `onnxruntime`, for when OpenVINO is absent or does not suit."""

    @hookimpl
    def register_detectors(self) -> Sequence[DetectorKind]:
        return [DetectorKind("onnxruntime", "ONNX Runtime", 20, can_run, make, devices)]

    @hookimpl
    def register_health_checks(self) -> Sequence[HealthCheck]:
        return [HealthCheck("onnxruntime", "ONNX Runtime devices", _check, frozenset({"detector"}))]


def _check() -> Sequence[Finding]:
    try:
        found = devices()
    except ImportError as error:
        return [
            Finding(
                "onnxruntime", Health.WARNING, f"ONNX Runtime does not load: {error}", "pip install --upgrade onnxruntime"
            )
        ]
    return [Finding("onnxruntime", Health.OK, f"ONNX Runtime can use {', '.join(found)}")]
