"""Makes the test vectors of the sealed format: a vault, a finished file and one that was cut off, and a vault with recovery.

Keys and nonces are random, so each run makes other vectors: run it only when the format gets a new version.
    python packaging/vectors/make.py tests/guardian/vault/vectors
    python packaging/vectors/make.py --recovery tests/guardian/vault/vectors
"""

import hashlib
import sys
import tempfile
from pathlib import Path

from guardian.model.segment import ContentKind, SegmentHeader
from guardian.vault.keyring import FILE, Keyring
from guardian.vault.sealer import VaultSealer

PASSPHRASE = "correct horse battery staple"
T0 = 1_795_392_000_000_000  # 2026-11-23T00:00:00Z
RECORDS = (b"init segment", b"first fragment", b"second fragment")


def main(folder: Path) -> None:
    """Write vault.json, whole.pgs, torn.pgs and print their hashes."""
    (folder / FILE).unlink(missing_ok=True)
    keyring = Keyring.create(folder, PASSPHRASE, now_us=T0)
    header = SegmentHeader(
        segment_id="01979c5e-0000-7000-8000-000000000001",
        run_id="01979c5e-0000-7000-8000-000000000002",
        camera="front",
        stream="main",
        kind=ContentKind.VIDEO,
        start_utc_us=T0,
        start_mono_us=1_000_000,
        start_90k=0,
        codecs="avc1.640028",
        width=1920,
        height=1080,
    )
    sealing = VaultSealer(keyring.public_key, keyring.epoch).begin(header)
    parts = [sealing.header_bytes]
    for n, data in enumerate(RECORDS):
        start, frames = max(0, n - 1) * 180_000, 30 if n else 0
        _, record = sealing.seal(
            data,
            start_90k=start,
            duration_90k=180_000 if n else 0,
            start_utc_us=T0 + start * 100 // 9,
            is_key=n > 0,
            video_frames=frames,
        )
        parts.append(bytes(record))
    (folder / "torn.pgs").write_bytes(b"".join(parts)[:-7])
    (folder / "whole.pgs").write_bytes(b"".join(parts) + sealing.finish())
    for path in sorted(folder.iterdir()):
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}")


def recovery(folder: Path) -> None:
    """Write recovery.json, a vault of two epochs with a recovery key, and print its code and hash."""
    with tempfile.TemporaryDirectory() as name:
        keyring = Keyring.create(Path(name), PASSPHRASE, now_us=T0)
        print("code", keyring.make_recovery_code(PASSPHRASE, now_us=T0 + 1_000_000))
        keyring.rotate(PASSPHRASE, now_us=T0 + 2_000_000)
        data = (Path(name) / FILE).read_bytes()
    (folder / "recovery.json").write_bytes(data)
    print(f"{hashlib.sha256(data).hexdigest()}  recovery.json")


if __name__ == "__main__":
    recovery(Path(sys.argv[2])) if sys.argv[1] == "--recovery" else main(Path(sys.argv[1]))
