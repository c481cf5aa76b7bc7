import errno
import io
import os
from dataclasses import replace
from pathlib import Path

import av
import pytest

from guardian.media.fmp4_write import codecs_string, init_segment
from guardian.model.errors import Bug, DiskFull, ServiceUnavailable
from guardian.model.ids import uuid7
from guardian.model.media import Codec, Fragment
from guardian.model.messages import FragmentSealed, Message, SegmentClosed, SegmentOpened
from guardian.model.segment import ContentKind, SegmentHeader
from guardian.model.time import Instant
from guardian.platform.files import Appender
from guardian.platform.ipc import LinkClosed
from guardian.record.segmenter import Segmenter
from guardian.record.writer import SegmentWriter, segment_path
from tests.support.footage import stream, video
from tests.support.plain_sealer import PlainSealer, scan

UTC = 1_700_000_000_000_000  # 2023-11-14T22:13:20Z


class Clock:
    """A clock that stands until it is moved."""

    at = 100.0

    def now(self) -> Instant:
        return Instant(UTC, int(self.at * 1e6))

    def mono_s(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds


def header(number: int = 1, start_90k: int = 0) -> SegmentHeader:
    segment_id = uuid7(UTC // 1000 + number, bytes(10))
    return SegmentHeader(segment_id, "run", "yard", "main", ContentKind.VIDEO, UTC, 5, start_90k, "avc1.42C00A", 162, 98)


def fragment(number: int, size: int = 100) -> Fragment:
    return Fragment(bytes([number]) * size, number * 90_000, 90_000, UTC + number * 1_000_000, True, 15)


@pytest.fixture
def messages() -> list[Message]:
    return []


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def writer(tmp_path: Path, clock: Clock, messages: list[Message]) -> SegmentWriter:
    return SegmentWriter(tmp_path, PlainSealer(), clock, messages.append, fsync_s=5.0)


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda fd: (names.append("file"), real(fd))[1])
    return names


def test_a_segment_from_open_to_close(writer: SegmentWriter, messages: list[Message], tmp_path: Path) -> None:
    writer.open(header(), b"init")
    writer.write(fragment(0))
    writer.write(fragment(1))
    record = writer.close()
    assert record is not None
    path = tmp_path / "segments" / record.path
    assert record.path == f"yard/main/2023-11-14/{header().segment_id}.pgs"
    opened, *sealed, closed = messages
    assert opened == SegmentOpened(header(), 7, record.path)
    assert [m.meta.index for m in sealed if isinstance(m, FragmentSealed)] == [0, 1, 2]
    assert closed == SegmentClosed(record)
    found = scan(path)
    assert found.complete
    assert found.contents == (b"init", fragment(0).data, fragment(1).data)
    assert [m.meta for m in sealed if isinstance(m, FragmentSealed)] == list(found.table)
    assert record == found.record(record.path)
    assert (record.end_utc_us, record.duration_90k, record.size_bytes) == (UTC + 2_000_000, 180_000, path.stat().st_size)
    assert (record.fragments, record.video_frames, record.complete) == (2, 30, True)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_every_fragment_is_in_the_file_at_once(writer: SegmentWriter, tmp_path: Path) -> None:
    writer.open(header(), b"init")
    assert not (tmp_path / "segments").exists()  # no file without footage
    for number in range(3):
        writer.write(fragment(number))
        found = scan(tmp_path / "segments" / segment_path(header()))
        assert len(found.contents) == number + 2
        assert not found.complete


def test_an_empty_segment_leaves_nothing(writer: SegmentWriter, messages: list[Message], tmp_path: Path) -> None:
    writer.open(header(), b"init")
    assert writer.close() is None
    assert writer.close() is None
    assert messages == []
    assert list(tmp_path.iterdir()) == []


def test_opening_closes_the_one_in_hand(writer: SegmentWriter, messages: list[Message]) -> None:
    writer.open(header(1), b"init")
    writer.write(fragment(0))
    writer.open(header(2), b"init")
    assert isinstance(messages[-1], SegmentClosed)
    assert writer.segment_id == header(2).segment_id


def test_it_is_made_durable_every_few_seconds_and_at_the_end(writer: SegmentWriter, clock: Clock, synced: list[str]) -> None:
    writer.open(header(), b"init")
    for number in range(11):
        writer.write(fragment(number))
        clock.at += 1
    assert len(synced) == 3
    writer.close()
    assert len(synced) == 4


def test_what_would_have_waited_too_long_at_the_next_fragment_is_made_durable_now(
    tmp_path: Path, clock: Clock, synced: list[str]
) -> None:
    writer = SegmentWriter(tmp_path, PlainSealer(), clock, lambda _: None, fsync_s=2.0)
    writer.open(header(), b"init")
    seen = []
    for number in range(5):
        clock.at += 0.99  # a little early each time
        writer.write(fragment(number))
        seen.append(len(synced))
    assert seen == [1, 2, 2, 3, 3], "no fragment waits longer than two seconds"


def test_a_last_sync_that_fails_leaves_what_is_on_the_disk_and_says_the_same(
    writer: SegmentWriter, messages: list[Message], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.open(header(), b"init")
    writer.write(fragment(0))

    def fails(fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fails)
    with pytest.raises(ServiceUnavailable):
        writer.close()
    closed = messages[-1]
    assert isinstance(closed, SegmentClosed)
    assert scan(tmp_path / "segments" / closed.record.path).record(closed.record.path) == closed.record
    assert closed.record.complete


def test_a_new_folder_is_made_durable(writer: SegmentWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    folders: list[str] = []
    monkeypatch.setattr("guardian.record.writer.sync_dir", lambda path: folders.append(path.name))
    writer.open(header(), b"init")
    writer.write(fragment(0))
    assert folders == ["2023-11-14", "main", "yard", "segments"]
    folders.clear()
    writer.open(header(2), b"init")
    writer.write(fragment(0))
    assert folders == ["2023-11-14"]


def refuse(monkeypatch: pytest.MonkeyPatch, code: int, after: int) -> None:
    """Let a file take `after` bytes of what is appended next, and no more."""
    real = os.write

    def write(fd: int, data: memoryview) -> int:
        nonlocal after
        if after <= 0:
            raise OSError(code, os.strerror(code))
        taken = real(fd, data[:after])
        after -= taken
        return taken

    monkeypatch.setattr(os, "write", write)


@pytest.mark.parametrize(
    ("code", "raised"), [(errno.ENOSPC, DiskFull), (errno.EDQUOT, DiskFull), (errno.EIO, ServiceUnavailable)]
)
def test_a_refusing_disk_costs_the_fragment_in_hand_only(
    writer: SegmentWriter,
    messages: list[Message],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    raised: type[Exception],
) -> None:
    writer.open(header(), b"init")
    writer.write(fragment(0))
    with monkeypatch.context() as patch:
        refuse(patch, code, after=40)
        with pytest.raises(raised) as caught:
            writer.write(fragment(1))
    assert caught.value.cure  # type: ignore[attr-defined]
    assert not writer.is_open
    closed = messages[-1]
    assert isinstance(closed, SegmentClosed)
    assert (closed.record.complete, closed.record.fragments) == (False, 1)
    path = tmp_path / "segments" / closed.record.path
    found = scan(path)
    assert path.stat().st_size == found.whole_bytes == closed.record.size_bytes
    assert found.contents == (b"init", fragment(0).data)
    with pytest.raises(Bug):
        writer.write(fragment(2))
    writer.open(header(2, 180_000), b"init")
    writer.write(fragment(2))
    record = writer.close()
    assert record is not None
    assert record.complete


def test_a_disk_that_refuses_the_first_fragment_leaves_no_file(
    writer: SegmentWriter, messages: list[Message], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.open(header(), b"init")
    with monkeypatch.context() as patch:
        refuse(patch, errno.ENOSPC, after=300)
        with pytest.raises(DiskFull):
            writer.write(fragment(0))
    assert messages == []
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_a_disk_that_refuses_the_end_leaves_whole_fragments(
    writer: SegmentWriter, messages: list[Message], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.open(header(), b"init")
    writer.write(fragment(0))
    with monkeypatch.context() as patch:
        refuse(patch, errno.ENOSPC, after=3)
        with pytest.raises(DiskFull):
            writer.close()
    closed = messages[-1]
    assert isinstance(closed, SegmentClosed)
    found = scan(tmp_path / "segments" / closed.record.path)
    assert (found.complete, len(found.contents)) == (False, 2)
    assert writer.close() is None


def test_a_disk_that_cannot_sync_says_so(
    writer: SegmentWriter, clock: Clock, messages: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.open(header(), b"init")
    writer.write(fragment(0))
    clock.at += 6

    def fail(self: Appender) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(Appender, "sync", fail)
    with pytest.raises(ServiceUnavailable, match="broken"):
        writer.write(fragment(1))
    closed = messages[-1]
    assert isinstance(closed, SegmentClosed)
    assert closed.record.fragments == 2


def test_a_lost_link_is_no_full_disk(tmp_path: Path, clock: Clock) -> None:
    def lost(message: Message) -> None:
        raise LinkClosed("gone")

    writer = SegmentWriter(tmp_path, PlainSealer(), clock, lost)
    writer.open(header(), b"init")
    for number in range(3):
        with pytest.raises(LinkClosed):
            writer.write(fragment(number))
    assert writer.is_open
    assert len(scan(tmp_path / "segments" / segment_path(header())).contents) == 4


@pytest.mark.parametrize("wrong", [{"camera": "../x"}, {"stream": "a/b"}, {"segment_id": "no-uuid"}])
def test_names_that_lead_elsewhere_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(Bug):
        segment_path(replace(header(), **wrong))


def test_the_date_is_utc() -> None:
    assert "/2023-11-15/" in segment_path(replace(header(), start_utc_us=1_700_006_400_000_000))
    assert "/2023-11-14/" in segment_path(replace(header(), start_utc_us=1_700_006_399_999_999))


def test_a_stream_recorded_plays(writer: SegmentWriter, messages: list[Message], tmp_path: Path) -> None:
    info, samples = stream(video(bframes=2), Codec.AAC)
    segmenter = Segmenter(info, segment_s=2.0)
    steps = [step for sample in samples for step in segmenter.push(sample, UTC + sample.arrived_us)]
    count = 0
    for step in (*steps, *segmenter.flush()):
        if isinstance(step, Fragment):
            writer.write(step)
        else:
            count += 1
            writer.open(replace(header(count, step.start_90k), codecs=codecs_string(info)), init_segment(info))
    writer.close()
    closed = [m.record for m in messages if isinstance(m, SegmentClosed)]
    assert [record.video_frames for record in closed] == [30, 30]
    decoded = 0
    for record in closed:
        contents = scan(tmp_path / "segments" / record.path).contents
        with av.open(io.BytesIO(b"".join(contents))) as container:
            decoded += sum(1 for _ in container.decode(video=0))
    assert decoded == 60
