"""The committed code is what its .proto makes."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "packaging" / "protocol" / "generate.py"


def test_the_generated_code_matches(capfd):
    pytest.importorskip("grpc_tools")
    loader = importlib.util.spec_from_file_location("generate", SCRIPT)
    module = importlib.util.module_from_spec(loader)
    loader.loader.exec_module(module)
    assert module.main(["--check"]) == 0
