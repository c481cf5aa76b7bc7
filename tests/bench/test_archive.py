"""What naming a pack costs: UnixFS CIDs, CAR and piece commitment in MB/s, beside bare sha256 of the same bytes."""

from __future__ import annotations

import hashlib
import os
import time

import pytest
from guardian_filecoin.commp import PieceHasher
from guardian_filecoin.fr32 import pad
from guardian_filecoin.hashing import name
from guardian_filecoin.layout import Layout
from guardian_filecoin.pack import Entry, PackWriter, capacity
from guardian_filecoin.unixfs import LEAF_BYTES

from guardian.vault import hpke, plugin_keys
from tests.bench.figures import Figure, publish

MIB = 64
HOUSE_MB_PER_S = 2.0  # four cameras of 4 Mb/s, all of it archived

pytestmark = pytest.mark.bench


def cpu_mb_per_s(work, size):
    began = time.process_time()
    work()
    return round(size / 1e6 / (time.process_time() - began), 1)


def test_archive(tmp_path):
    _, public = hpke.generate()
    path, size = tmp_path / "pack", MIB * LEAF_BYTES
    content = os.urandom(capacity(MIB) - 200)

    def write():
        with path.open("wb") as out:
            writer = PackWriter(
                out, MIB, [Entry("a", len(content))], 0, lambda key: plugin_keys.seal(public, "filecoin", key)
            )
            for at in range(0, len(content), LEAF_BYTES):
                writer.add(content[at : at + LEAF_BYTES])
            writer.finish()

    packing = cpu_mb_per_s(write, size)
    data = path.read_bytes()
    leaves = [data[at : at + LEAF_BYTES] for at in range(0, size, LEAF_BYTES)]
    bare = cpu_mb_per_s(lambda: hashlib.sha256(data), size)
    layout = Layout(tuple(hashlib.sha256(leaf).digest() for leaf in leaves))

    def cids():
        Layout(tuple(hashlib.sha256(leaf).digest() for leaf in leaves)).root  # noqa: B018 - made when it is asked for

    def car():
        with path.open("rb") as file:
            for _ in layout.parts(file):
                pass

    def commitment():
        hasher = PieceHasher()
        hasher.update(data)
        hasher.finish()

    whole = data[: size // 127 * 127]
    both = cpu_mb_per_s(lambda: name(path), size)
    publish(
        "archive",
        Figure("packing (sealed to the vault, written)", packing, "MB/s of CPU"),
        Figure("UnixFS CIDs", cpu_mb_per_s(cids, size), "MB/s of CPU", bare, "bare sha256"),
        Figure("CAR", cpu_mb_per_s(car, size), "MB/s of CPU"),
        Figure("Fr32", cpu_mb_per_s(lambda: pad(whole), size), "MB/s of CPU"),
        Figure("piece commitment", cpu_mb_per_s(commitment, size), "MB/s of CPU"),
        Figure("CAR + CID + commitment", both, "MB/s of CPU", HOUSE_MB_PER_S, "four cameras", HOUSE_MB_PER_S, at_least=True),
    )
