"""Bytes a second that the sealer seals, beside `openssl speed` and the bare cipher of our own library, by turns."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from guardian.model.errors import ServiceUnavailable
from guardian.model.ids import uuid7
from guardian.model.segment import ContentKind, SegmentHeader
from guardian.platform.limits import keep_freed_memory
from guardian.vault.keyring import Keyring
from guardian.vault.sealer import SealedSegment, VaultSealer

ROUND_S = 0.3
FRAGMENTS = 60  # a segment, with its key wrap
GB = 1e9


def measure(block_bytes: int, rounds: int) -> dict[str, Any]:
    """Return medians in GB a second (10^9 bytes) of sealing fragments of `block_bytes`, of openssl, and their ratio."""
    if shutil.which("openssl") is None:
        raise ServiceUnavailable("openssl is not installed", cure="apt-get install openssl")
    keep_freed_memory()  # as the recorder does
    with tempfile.TemporaryDirectory(prefix="guardian-bench-") as folder:
        keyring = Keyring.create(Path(folder) / "vault", "bench bench bench", now_us=0)
        data = os.urandom(block_bytes)
        seal, bare = _sealing(VaultSealer(keyring.public_key, keyring.epoch), data), _bare(data)
        sealed, plain, speed = [], [], []
        for _ in range(rounds):
            sealed.append(_rate(seal, block_bytes))
            plain.append(_rate(bare, block_bytes))
            speed.append(_openssl(block_bytes))
    return {
        "block_bytes": block_bytes,
        "seal_gb_per_s": round(median(sealed), 3),
        "bare_gb_per_s": round(median(plain), 3),
        "baseline_gb_per_s": round(median(speed), 3),
        "ratio": round(median(sealed) / median(speed), 3),
    }


def _rate(call: Callable[[], object], size: int) -> float:
    done, began = 0, time.perf_counter()
    while (took := time.perf_counter() - began) < ROUND_S:
        call()
        done += size
    return done / took / GB


def _sealing(sealer: VaultSealer, data: bytes) -> Callable[[], object]:
    header = SegmentHeader(uuid7(0, bytes(10)), uuid7(0, bytes(10)), "bench", "main", ContentKind.VIDEO, 0, 0, 0)
    segment, left = sealer.begin(header), FRAGMENTS

    def seal() -> None:
        nonlocal segment, left
        if left == 0:
            segment.finish()
            segment, left = sealer.begin(header), FRAGMENTS
        left -= 1
        _seal_one(segment, data)

    return seal


def _seal_one(segment: SealedSegment, data: bytes) -> None:
    segment.seal(data, start_90k=0, duration_90k=90_000, start_utc_us=0, is_key=True, video_frames=15)


def _bare(data: bytes) -> Callable[[], object]:
    cipher, nonce, extra = AESGCM(os.urandom(32)), os.urandom(12), os.urandom(69)
    return lambda: cipher.encrypt(nonce, data, extra)


def _openssl(size: int) -> float:
    words = ["openssl", "speed", "-mr", "-elapsed", "-seconds", "1", "-bytes", str(size), "-evp", "aes-256-gcm"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)  # noqa: S603
    return float(done.stdout.splitlines()[-1].split(":")[-1]) / GB
