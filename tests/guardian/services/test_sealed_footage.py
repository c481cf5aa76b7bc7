"""Recordings, pictures and the vault's lock with the real vault and the real writer."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from guardian.cli._main import cli
from guardian.index.engine import IndexFile
from guardian.model.errors import Damaged, NotFound, VaultLocked, WrongPassphrase
from guardian.model.media import Fragment
from guardian.model.messages import EventReport, FragmentSealed, Message, SegmentClosed, SegmentOpened
from guardian.model.segment import ContentKind, SegmentHeader
from guardian.model.time import SECOND_US
from guardian.record.writer import SegmentWriter
from guardian.services.events import EventService
from guardian.services.recordings import RecordingService
from guardian.services.vault import VaultService
from guardian.vault.keyring import Keyring
from guardian.vault.reader import SegmentReader
from guardian.vault.sealer import VaultSealer, seal_whole
from tests.support.recorded import T0, OwnClock, event, header, make_id

PASSPHRASE = "correct horse battery staple"


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return Keyring.create(tmp_path_factory.mktemp("vault"), PASSPHRASE, now_us=T0)


@pytest.fixture
async def service(index: IndexFile, tmp_path: Path) -> AsyncIterator[RecordingService]:
    made = RecordingService(index, tmp_path, OwnClock(T0 + 3600 * SECOND_US))
    yield made
    await made.close()


class Camera:
    """Writes with the real writer; its messages reach the service when the test says so."""

    def __init__(self, data_dir: Path, keyring: Keyring) -> None:
        self.messages: list[Message] = []
        self.sealer = VaultSealer(keyring.public_key, keyring.epoch)
        self.writer = SegmentWriter(data_dir, self.sealer, OwnClock(), self.messages.append)

    def record(self, seconds: int) -> None:
        self.writer.open(header(T0), b"init segment")
        for n in range(seconds):
            fragment = Fragment(b"fragment %d" % n, 90_000 + n * 90_000, 90_000, T0 + n * SECOND_US, True, 15)
            self.writer.write(fragment)

    async def speak(self, service: RecordingService) -> None:
        for message in self.messages:
            assert isinstance(message, SegmentOpened | FragmentSealed | SegmentClosed)
            await service.take("front", message)
        self.messages.clear()


async def test_open_footage_plays_while_it_grows_and_after(
    service: RecordingService, tmp_path: Path, keyring: Keyring
) -> None:
    camera = Camera(tmp_path, keyring)
    camera.record(3)
    await camera.speak(service)
    (view,) = await service.segments("front", "main", T0, T0 + SECOND_US)
    with SegmentReader(view.path, keyring) as reader:
        assert [reader.read(row.index) for row in view.table] == [b"init segment", *(b"fragment %d" % n for n in range(3))]
    camera.writer.close()
    await camera.speak(service)
    done = await service.segment(view.segment_id)
    assert (done.open, done.table, done.end_utc_us) == (False, view.table, view.end_utc_us)


async def test_after_kill_9_every_whole_fragment_is_there(
    service: RecordingService, tmp_path: Path, keyring: Keyring
) -> None:
    camera = Camera(tmp_path, keyring)
    camera.record(5)
    await camera.speak(service)
    (view,) = await service.segments("front", "main", T0, T0 + SECOND_US)
    with view.path.open("r+b") as file:
        file.truncate(view.path.stat().st_size - 3)
    await service.camera_lost("front")
    after = await service.segment(view.segment_id)
    assert after.table == view.table[:-1]
    with SegmentReader(after.path, keyring) as reader:
        assert reader.read(4) == b"fragment 3"


def test_commands_work_on_sealed_files_without_the_passphrase(tmp_path: Path, keyring: Keyring) -> None:
    camera = Camera(tmp_path, keyring)
    camera.record(3)
    camera.writer.close()
    for command, key, value in (("rebuild", "indexed", 1), ("check", "ok", True)):
        result = CliRunner().invoke(cli, ["index", command, "--data", str(tmp_path), "--json"])
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout.splitlines()[-1])[key] == value


async def test_a_picture_opens_only_while_unlocked(index: IndexFile, tmp_path: Path, keyring: Keyring) -> None:
    events = EventService(index, tmp_path, OwnClock(), keyring, lambda _: (5, 5), lambda _, __: None)
    one = event(T0, snapshot="front/2026-11-23/picture.pgp")
    path = tmp_path / "pictures" / one.snapshot
    path.parent.mkdir(parents=True)
    about = SegmentHeader(one.id, make_id(T0), "front", "main", ContentKind.PICTURE, T0, 0, 0)
    path.write_bytes(seal_whole(VaultSealer(keyring.public_key, keyring.epoch), about, b"jpeg"))
    await events.report(EventReport("start", one))
    assert await events.snapshot(one.id) == b"jpeg"
    path.write_bytes(path.read_bytes()[:-200] + bytes(200))
    with pytest.raises(Damaged):
        await events.snapshot(one.id)
    locked = Keyring.load(keyring_folder(keyring))
    away = EventService(index, tmp_path, OwnClock(), locked, lambda _: (5, 5), lambda _, __: None)
    with pytest.raises(VaultLocked):
        await away.snapshot(one.id)
    with pytest.raises(NotFound):
        await away.snapshot(make_id(T0, 9))


def keyring_folder(keyring: Keyring) -> Path:
    return keyring._folder


async def test_the_vault_service_works_the_real_lock(keyring: Keyring) -> None:
    ring = Keyring.load(keyring_folder(keyring))
    service = VaultService(ring, OwnClock())
    with pytest.raises(WrongPassphrase):
        await service.unlock("wrong horse battery staple")
    await service.unlock(PASSPHRASE)
    assert service.status().unlocked
    await service.lock()
    assert not ring.unlocked
