"""Real sealed footage in a data folder: encoded, cut, sealed and written as a camera's process does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from guardian.media.fmp4_write import codecs_string, init_segment
from guardian.model.ids import uuid7
from guardian.model.media import Fragment, Sample, StreamInfo
from guardian.model.messages import Message
from guardian.model.segment import ContentKind, SegmentHeader, SegmentRecord
from guardian.model.time import SECOND_US
from guardian.platform.clock import SystemClock
from guardian.record.segmenter import Cut, Segmenter
from guardian.record.writer import SegmentWriter
from guardian.vault.keyring import Keyring
from guardian.vault.sealer import VaultSealer

T0 = 1_795_392_000 * SECOND_US  # 2026-11-23T00:00:00Z


@dataclass
class Camera:
    """Records runs of one camera."""

    data_dir: Path
    keyring: Keyring
    camera: str = "front"
    stream: str = "main"
    made: int = 0
    messages: list[Message] = field(default_factory=list)  # what its process would send

    def run(
        self,
        info: StreamInfo,
        samples: Sequence[Sample],
        start_us: int = T0,
        *,
        segment_s: float = 60.0,
        finish: bool = True,
        width: int = 162,
        height: int = 98,
    ) -> list[SegmentRecord]:
        """Record one run that begins at `start_us`; without `finish` its last segment goes on growing."""
        self.made += 1
        run_id = uuid7(start_us // 1000, self.made.to_bytes(10, "big"))
        records: list[SegmentRecord] = []
        sealer = VaultSealer(self.keyring.public_key, self.keyring.epoch)
        writer = SegmentWriter(self.data_dir, sealer, SystemClock(), self.messages.append)
        segmenter = Segmenter(info, segment_s)
        scale = info.audio.timescale if info.audio is not None else 90_000
        steps = []
        for sample in samples:
            ticks = 90_000 if sample.kind == "video" else scale
            steps += segmenter.push(sample, start_us + sample.dts * SECOND_US // ticks)
        opened = False
        for step in (*steps, *segmenter.flush()):
            if isinstance(step, Cut):
                if opened:
                    records.append(_kept(writer.close()))
                writer.open(self._header(run_id, step, info, width, height), init_segment(info))
                opened = True
            elif isinstance(step, Fragment):
                writer.write(step)
        if finish:
            records.append(_kept(writer.close()))
        return records

    def _header(self, run_id: str, cut: Cut, info: StreamInfo, width: int, height: int) -> SegmentHeader:
        self.made += 1
        header = SegmentHeader(
            uuid7(cut.start_utc_us // 1000, self.made.to_bytes(10, "big")),
            run_id,
            self.camera,
            self.stream,
            ContentKind.VIDEO,
            cut.start_utc_us,
            cut.start_mono_us,
            cut.start_90k,
        )
        return replace(header, codecs=codecs_string(info), width=width, height=height)


def _kept(record: SegmentRecord | None) -> SegmentRecord:
    assert record is not None
    return record
