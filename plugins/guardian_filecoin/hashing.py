"""A program of its own that names a pack: `python -m guardian_filecoin.hashing PACK`. It prints JSON.

The commitment takes a second for 50 MiB and numpy; in the conductor it would hold up everybody.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from guardian.sdk import Damaged, run
from guardian_filecoin.cid import parse
from guardian_filecoin.layout import Layout
from guardian_filecoin.unixfs import LEAF_BYTES

SLOWEST_BYTES_S = 2_000_000  # a Raspberry Pi that does much else; then something hangs
LEAST_S = 60.0


@dataclass(frozen=True, slots=True)
class Named:
    """A pack's names. `leaves`: the digests of its leaves, one after the other."""

    leaves: bytes
    root: str
    piece: str

    @property
    def layout(self) -> Layout:
        """Its CAR."""
        return Layout.unpacked(self.leaves)


def name(pack: Path) -> Named:
    """Name a pack, here and now."""
    from guardian_filecoin.commp import PieceHasher  # numpy is for this program, not for who asks it

    with pack.open("rb") as file:
        digests = []
        while leaf := file.read(LEAF_BYTES):
            if len(leaf) != LEAF_BYTES:
                raise Damaged("the pack is cut off")
            digests.append(hashlib.sha256(leaf).digest())
        layout = Layout(tuple(digests))
        hasher = PieceHasher()
        for part in layout.parts(file):
            hasher.update(part)
    return Named(b"".join(digests), str(layout.root), str(hasher.finish().cid_v2))


def name_apart(pack: Path) -> Named:
    """Have another process name it; blocks. Damaged where it cannot."""
    argv = [sys.executable, "-m", "guardian_filecoin.hashing", str(pack)]
    done = run(argv, timeout_s=LEAST_S + pack.stat().st_size / SLOWEST_BYTES_S)
    try:
        value = json.loads(done.out)
        named = Named(bytes.fromhex(value["leaves"]), str(value["root"]), str(value["piece"]))
        parse(named.piece)
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"a pack could not be named: {done.err.strip()[-200:] or done.code}") from error
    if str(named.layout.root) != named.root:
        raise Damaged("a pack was named wrongly")
    return named


def main() -> None:
    """Name the pack of the command line."""
    os.nice(10)
    named = name(Path(sys.argv[1]))
    sys.stdout.write(json.dumps({"leaves": named.leaves.hex(), "root": named.root, "piece": named.piece}) + "\n")


if __name__ == "__main__":
    main()
