"""The conductor loads every plugin, and no codec and no network with it."""

import subprocess
import sys

from tests.support.program import environment

LOADS = """
import sys
from pathlib import Path
from guardian.pluginhost.registry import ContextMaker, PluginRegistry
from guardian.settings.schema import PluginsSettings
registry = PluginRegistry(PluginsSettings(), ContextMaker(Path(sys.argv[1])))
assert registry.audio_detectors and registry.classifiers and registry.cameras
print(*sorted({"av", "cv2", "numpy", "openvino", "onnxruntime", "grpc", "rapidocr", "wordllama"} & set(sys.modules)))
"""


def test_loading_all_plugins_loads_no_codec_and_no_network(tmp_path):
    argv = [sys.executable, "-c", LOADS, str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, env=environment(), check=True)
    assert done.stdout.split() == []
