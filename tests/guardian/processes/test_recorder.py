"""A disk that refuses ends a segment, never the capture; recording goes on once there is room."""

import errno
from pathlib import Path

import pytest

from guardian.model.errors import DiskFull
from guardian.model.media import Codec
from guardian.model.messages import Message, SegmentClosed
from guardian.model.time import Instant
from guardian.platform.files import Appender
from guardian.processes.recorder import Recorder
from guardian.record.segmenter import Cut
from guardian.settings.schema import RecordSettings
from guardian.vault.keyring import Keyring
from guardian.vault.scan import scan
from guardian.vault.sealer import VaultSealer
from tests.support.footage import stream, video
from tests.support.sealed import T0


class Clock:
    """Stands until it is set."""

    def __init__(self) -> None:
        self.at_s = 100.0

    def now(self) -> Instant:
        return Instant(T0 + int(self.at_s * 1e6), int(self.at_s * 1e6))

    def mono_s(self) -> float:
        return self.at_s


class Disk:
    """Has room or has none."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        append = Appender.append

        def limited(file: Appender, data: bytes) -> None:
            if self.full:
                raise OSError(errno.ENOSPC, "No space left on device")
            append(file, data)

        monkeypatch.setattr(Appender, "append", limited)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def recorded(data: Path, clock: Clock, sent: list[Message]) -> Recorder:
    keyring = Keyring.create(data / "vault", "a passphrase for tests", now_us=0)
    sealer = VaultSealer(keyring.public_key, keyring.epoch)
    return Recorder("front", "main", RecordSettings(), data, sealer, clock, lambda message, _: sent.append(message))


def test_it_says_once_that_it_records_and_between_two_segments_it_does_too(tmp_path):
    keyring = Keyring.create(tmp_path / "vault", "a passphrase for tests", now_us=0)
    clock, changes = Clock(), []
    recorder = Recorder(
        "front",
        "main",
        RecordSettings(),
        tmp_path,
        VaultSealer(keyring.public_key, keyring.epoch),
        clock,
        lambda *_: None,
        lambda: changes.append(recorder.recording),
    )
    info, samples = stream(video(Codec.H264))
    recorder.begin_run(info, clock.now())
    assert changes == []
    for sample in samples:
        recorder.push(sample, T0 + sample.dts * 100 // 9)
    recorder._take(Cut(0, T0, 0))
    assert recorder.recording
    recorder.pause("the disk is full")
    recorder.pause("")
    assert changes == [True, False]


@pytest.mark.parametrize("how", ["end_run", "pause"])
def test_a_disk_that_is_full_when_a_segment_is_closed_is_said_and_ends_nothing(tmp_path, disk, how):
    clock, sent = Clock(), []
    recorder = recorded(tmp_path, clock, sent)
    info, samples = stream(video(Codec.H264))
    recorder.begin_run(info, clock.now())
    for sample in samples:
        recorder.push(sample, T0 + sample.dts * 100 // 9)
    assert recorder.recording
    disk.full = True
    recorder.end_run() if how == "end_run" else recorder.pause("the disk is full")
    assert isinstance(recorder.problem, DiskFull)
    assert not recorder.recording
    (closed,) = [message for message in sent if isinstance(message, SegmentClosed)]
    assert not closed.record.complete
    assert scan(tmp_path / "segments" / closed.record.path).whole_bytes == closed.record.size_bytes

    disk.full = False
    clock.at_s += 10
    recorder.pause("")
    recorder.begin_run(info, clock.now())
    for sample in samples:
        recorder.push(sample, clock.now().utc_us + sample.dts * 100 // 9)
    recorder.end_run()
    assert recorder.problem is None
    first, *later = [message.record.complete for message in sent if isinstance(message, SegmentClosed)]
    assert (first, set(later)) == (False, {True})
