"""Bytes a second that the sealer seals, beside bare AES-256-GCM by the same library, and by `openssl speed`."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from statistics import median

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from guardian.vault.keyring import Keyring
from guardian.vault.sealer import VaultSealer
from tests.bench.figures import Figure, publish
from tests.support.recorded import T0, header

ROUNDS, SECONDS, BUDGET = 7, 0.3, 0.8
SIZES = {"256 KiB": 256 * 1024, "1 MiB": 1024 * 1024}  # fragments of a second at 2 and at 8 Mb/s
GB = 1e9

pytestmark = pytest.mark.bench


def rate(seal, size):
    """Return GB a second of calls over a while."""
    done, began = 0, time.perf_counter()
    while (took := time.perf_counter() - began) < SECONDS:
        seal()
        done += size
    return done / took / GB


def sealing(sealer, data):
    """Return a call that seals one fragment; a segment takes sixty, as in recording."""
    state = {"segment": sealer.begin(header(T0)), "left": 60}

    def seal():
        if state["left"] == 0:
            state["segment"].finish()
            state["segment"], state["left"] = sealer.begin(header(T0)), 60
        state["left"] -= 1
        state["segment"].seal(data, start_90k=0, duration_90k=90_000, start_utc_us=T0, is_key=True, video_frames=15)

    return seal


def bare(data):
    cipher, nonce, extra = AESGCM(os.urandom(32)), os.urandom(12), os.urandom(69)
    return lambda: cipher.encrypt(nonce, data, extra)


def openssl(size):
    """Return what `openssl speed` reaches, in GB a second, or None where there is none."""
    if shutil.which("openssl") is None:
        return None
    words = ["openssl", "speed", "-mr", "-elapsed", "-seconds", "1", "-bytes", str(size), "-evp", "aes-256-gcm"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1].split(":")[-1]) / GB


def test_seal(tmp_path):
    keyring = Keyring.create(tmp_path / "vault", "bench bench bench", now_us=T0)
    sealer = VaultSealer(keyring.public_key, keyring.epoch)
    figures = []
    for name, size in SIZES.items():
        data = os.urandom(size)
        seal, plain = sealing(sealer, data), bare(data)
        sealed, gcm, speed = [], [], []
        for _ in range(ROUNDS):
            sealed.append(rate(seal, size))
            gcm.append(rate(plain, size))
            if (one := openssl(size)) is not None:
                speed.append(one)
        figures.append(
            Figure(f"sealed in fragments of {name}", round(median(sealed), 3), "GB/s", round(median(gcm), 3), "bare AES-GCM")
        )
        figures.append(
            Figure(f"{name} against bare AES-GCM", round(median(sealed) / median(gcm), 3), "times", 1.0, "bare AES-GCM")
        )
        if speed:
            ratio = round(median(sealed) / median(speed), 3)
            said = f"openssl speed, {median(speed):.3f} GB/s"
            figures.append(Figure(f"{name} against openssl speed", ratio, "times", 1.0, said, BUDGET, at_least=True))
    publish("seal", *figures)
