"""Published vectors, read from the files beside this one; each names its source."""

import hashlib
import json
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

FOLDER = Path(__file__).parent / "vectors"


def read(name):
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def rows(name):
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return [(int(size), int(padded), cid) for size, padded, cid in (line.split(",") for line in lines if line[0] != "#")]


def keystream(seed, size, step=1 << 20):
    """ChaCha20's keystream, as the generator of IPIP-0499's fixtures makes it."""
    cipher = Cipher(ChaCha20(hashlib.sha256(seed.encode()).digest(), bytes(16)), mode=None).encryptor()
    for at in range(0, size, step):
        yield cipher.update(bytes(min(step, size - at)))
