"""A vault, sealed segments and an archiver over a folder, for tests. The clock is the test's."""

import hashlib
import os
import random
from pathlib import Path

from guardian_filecoin.archive import places_of
from guardian_filecoin.archiver import Archiver, Surroundings
from guardian_filecoin.config import FilecoinConfig
from guardian_filecoin.ledger import Ledger

from guardian.model.ids import uuid7
from guardian.model.segment import ContentKind, SegmentHeader
from guardian.vault import hpke, plugin_keys
from guardian.vault.scan import scan
from guardian.vault.sealer import VaultSealer

START_US = 1_790_000_000_000_000
SESSION_KEY = "0x1234567890123456789012345678901234567890123456789012345678901234"
SESSION_ADDRESS = "0x2e988A386a799F506693793c6A5AF6B54dfAaBfB"
PAYER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
PAYEE = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"


class Killed(BaseException):
    """What nobody catches, as if the process were gone."""


class World:
    """One house. `root` holds segments and the plugin's folder; a second world over the same root is a restart."""

    def __init__(self, root: Path, keys=None, seed=1):
        self.root, self.now_us = root, START_US
        self.private, self.public = keys or hpke.generate()
        self.random = random.Random(seed)
        self.records = {}

    def segment(self, number, size, camera="front-door", stream="main", length_s=60):
        """Seal a segment file of about a size, of minute `number`."""
        start_us = START_US + number * 60_000_000
        name = uuid7(start_us // 1000, hashlib.sha256(f"{camera}{stream}{number}".encode()).digest()[:10])
        header = SegmentHeader(
            name, name, camera, stream, ContentKind.VIDEO, start_us, start_us, 0, "avc1.640028", 1920, 1080
        )
        sealing = VaultSealer(self.public, 1).begin(header)
        _, init = sealing.seal(b"init", start_90k=0, duration_90k=0, start_utc_us=start_us, is_key=True, video_frames=0)
        _, body = sealing.seal(
            os.urandom(size),
            start_90k=0,
            duration_90k=90_000 * length_s,
            start_utc_us=start_us,
            is_key=True,
            video_frames=900,
        )
        relative = f"{camera}/{stream}/2026-09-21/{name}.pgs"
        path = self.root / "segments" / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sealing.header_bytes + init + body + sealing.finish())
        record = scan(path).record(relative)
        self.records[name] = record
        return record

    async def footage(self, record):
        data = (self.root / "segments" / record.path).read_bytes()
        for at in range(0, len(data), 200_000):
            yield data[at : at + 200_000]

    async def segments(self, camera, stream, start_us, end_us):
        return tuple(
            one
            for one in self.records.values()
            if (one.header.camera, one.header.stream) == (camera, stream)
            and one.header.start_utc_us < end_us
            and one.end_utc_us > start_us
        )

    def open_key(self, sealed):
        return plugin_keys.opened(sealed, "filecoin", [self.private])

    def archiver(self, **settings):
        config = FilecoinConfig.model_validate({"pack_mib": 1, "delay_minutes": 0, "everything": True} | settings)
        ledger = Ledger(self.root / "plugins/filecoin")
        around = Surroundings(
            lambda key: plugin_keys.seal(self.public, "filecoin", key),
            self.footage,
            self.segments,
            lambda: self.now_us,
            lambda: sorted({one.header.camera for one in self.records.values()}),
            self.random.random,
        )
        places = places_of(config, ledger, lambda: self.now_us)
        return Archiver(config, self.root / "plugins/filecoin", ledger, places, around)

    def forward(self, hours):
        self.now_us += round(hours * 3600e6)


def filecoin(url, **more):
    """Settings of a provider that is the test server."""
    given = {
        "url": str(url),
        "rpc_url": str(url) + "rpc" if str(url).endswith("/") else f"{url}/rpc",
        "payee": PAYEE,
        "payer": PAYER,
        "session_key": SESSION_KEY,
        "chain_id": 314159,
        "contract": "0x02925630df557F957f70E112bA06e50965417CA0",
    }
    return given | more
