"""The recorder with the real vault: what is sealed while locked opens later, whole or torn."""

import io
from dataclasses import replace
from pathlib import Path

import av
import pytest

from guardian.media.fmp4_write import codecs_string, init_segment
from guardian.model.ids import uuid7
from guardian.model.media import Codec, Fragment
from guardian.model.messages import FragmentSealed, Message, SegmentClosed
from guardian.model.segment import ContentKind, SegmentHeader, SegmentRecord
from guardian.platform.clock import SystemClock
from guardian.record.segmenter import Segmenter
from guardian.record.tail_recovery import recover, unfinished
from guardian.record.writer import SegmentWriter
from guardian.vault.keyring import Keyring
from guardian.vault.reader import SegmentReader
from guardian.vault.scan import scan
from guardian.vault.sealer import VaultSealer
from tests.support.footage import stream, video

UTC = 1_700_000_000_000_000


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return Keyring.create(tmp_path_factory.mktemp("vault"), "correct horse battery staple", now_us=UTC)


def recorded(data_dir: Path, keyring: Keyring) -> tuple[SegmentRecord, list[Message]]:
    """Record four seconds of H.265 with AAC into one segment."""
    info, samples = stream(video(Codec.H265, bframes=2), Codec.AAC)
    messages: list[Message] = []
    writer = SegmentWriter(data_dir, VaultSealer(keyring.public_key, keyring.epoch), SystemClock(), messages.append)
    header = SegmentHeader(
        uuid7(UTC // 1000, bytes(10)), uuid7(UTC // 1000, bytes(10)), "yard", "main", ContentKind.VIDEO, UTC, 5, 0
    )
    segmenter = Segmenter(info)
    steps = [step for sample in samples for step in segmenter.push(sample, UTC + sample.arrived_us)]
    for step in (*steps, *segmenter.flush()):
        if isinstance(step, Fragment):
            writer.write(step)
        else:
            writer.open(replace(header, codecs=codecs_string(info), width=162, height=98), init_segment(info))
    record = writer.close()
    assert record is not None
    return record, messages


def decoded(path: Path, keyring: Keyring) -> int:
    with SegmentReader(path, keyring) as reader:
        parts = [reader.read(row.index) for row in reader.table]
    with av.open(io.BytesIO(b"".join(parts))) as container:
        return sum(1 for _ in container.decode(video=0))


def test_a_recording_opens_and_plays(tmp_path: Path, keyring: Keyring) -> None:
    record, messages = recorded(tmp_path, keyring)
    path = tmp_path / "segments" / record.path
    found = scan(path)
    assert found.complete
    assert found.record(record.path) == record == messages[-1].record  # type: ignore[union-attr]
    assert tuple(m.meta for m in messages if isinstance(m, FragmentSealed)) == found.table
    assert decoded(path, keyring) == 60
    sealed = path.read_bytes()
    assert not any(kind in sealed for kind in (b"moof", b"mdat", b"moov", b"hvcC"))
    assert isinstance(messages[-1], SegmentClosed)


@pytest.mark.parametrize("lost", [1, 40, 5000])
def test_a_torn_recording_opens_as_far_as_it_is_whole(tmp_path: Path, keyring: Keyring, lost: int) -> None:
    record, _ = recorded(tmp_path, keyring)
    path = tmp_path / "segments" / record.path
    last = scan(path).table[-1]
    with path.open("r+b") as file:
        file.truncate(last.offset + last.size - lost)
    assert list(unfinished([path], scan)) == [path]
    left = recover(path, scan)
    assert left is not None
    assert (left.fragments, left.complete, left.video_frames) == (3, False, 45)
    assert left.size_bytes == path.stat().st_size == last.offset
    assert decoded(path, keyring) == 45
    assert recover(path, scan) == left
