"""Bytes a second that the sealer seals, beside bare AES-256-GCM by the same library, and by `openssl speed`."""

from __future__ import annotations

import shutil

import pytest

from tests.bench.figures import Figure, publish
from tests.support.house import command

BUDGET = 0.8
SIZES = {"256 KiB": 256 * 1024, "1 MiB": 1024 * 1024}  # fragments of a second at 2 and at 8 Mb/s

pytestmark = pytest.mark.bench


def test_seal():
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    figures = []
    for name, size in SIZES.items():
        found = command("bench", "seal", "--block-bytes", str(size))
        sealed, bare, speed = found["seal_gb_per_s"], found["bare_gb_per_s"], found["baseline_gb_per_s"]
        figures.append(Figure(f"sealed in fragments of {name}", sealed, "GB/s", bare, "bare AES-GCM"))
        figures.append(Figure(f"{name} against bare AES-GCM", round(sealed / bare, 3), "times", 1.0, "bare AES-GCM"))
        said = f"openssl speed, {speed} GB/s"
        figures.append(Figure(f"{name} against openssl speed", found["ratio"], "times", 1.0, said, BUDGET, at_least=True))
    publish("seal", *figures)
