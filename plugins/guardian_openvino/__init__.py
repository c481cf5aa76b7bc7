"""Runs detector models with Intel's OpenVINO: ONNX, OpenVINO IR and TFLite, on CPU, GPU and NPU."""

from collections.abc import Sequence

from guardian.sdk import DetectorKind, Finding, Health, HealthCheck, Plugin, hookimpl
from guardian_openvino.runtime import can_run, devices, make


class OpenVinoPlugin(Plugin):
    """Brings the detector runtime `openvino`, the preferred one."""

    @hookimpl
    def register_detectors(self) -> Sequence[DetectorKind]:
        return [DetectorKind("openvino", "OpenVINO", 10, can_run, make, devices)]

    @hookimpl
    def register_health_checks(self) -> Sequence[HealthCheck]:
        return [HealthCheck("openvino", "OpenVINO devices", _check, frozenset({"detector"}))]


def _check() -> Sequence[Finding]:
    try:
        found = devices()
    except ImportError as error:
        return [Finding("openvino", Health.WARNING, f"OpenVINO does not load: {error}", "pip install --upgrade openvino")]
    if not found:
        return [
            Finding("openvino", Health.WARNING, "OpenVINO finds no device", "See docs.openvino.ai, system requirements.")
        ]
    return [Finding("openvino", Health.OK, f"OpenVINO can use {', '.join(found)}")]
