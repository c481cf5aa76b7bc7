"""`guardian bench seal|seek|index`: small ones, for what they answer."""

import json
import shutil
from typing import Any

import pytest
from click.testing import CliRunner

from guardian.cli._main import cli


def bench(*words: str) -> dict[str, Any]:
    result = CliRunner().invoke(cli, ["bench", *words, "--json"])
    assert result.exit_code == 0, result.output
    value = json.loads(result.stdout.splitlines()[-1])
    assert isinstance(value, dict)
    return value


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_seal() -> None:
    found = bench("seal", "--block-bytes", "65536", "--rounds", "1")
    assert found["block_bytes"] == 65536
    assert found["seal_gb_per_s"] > 0
    assert found["ratio"] == pytest.approx(found["seal_gb_per_s"] / found["baseline_gb_per_s"], rel=0.01)
    assert [one["block_bytes"] for one in found["sizes"]] == [65536]


@pytest.mark.parametrize(
    ("words", "counted"),
    [(("seek", "--moments", "2"), {"moments": 2}), (("index", "--times", "3"), {"times": 3})],
)
def test_a_large_archive(words: tuple[str, ...], counted: dict[str, int]) -> None:
    found = bench(*words, "--days", "1", "--cameras", "2")
    assert found["segments"] == 2880
    assert found | counted == found
    assert 0 < found["p50_ms"] <= found["p99_ms"]
    assert found["baseline_ms"] > 0
