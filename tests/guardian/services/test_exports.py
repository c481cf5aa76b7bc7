import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import av
import pytest

from guardian.model.errors import BadRequest, Conflict, NotFound, VaultLocked
from guardian.model.media import Codec
from guardian.model.segment import ContentKind
from guardian.model.time import SECOND_US
from guardian.model.views import Export
from guardian.platform.clock import SystemClock
from guardian.platform.files import Appender
from guardian.platform.tasks import Tasks
from guardian.services.exports import ExportService
from guardian.services.folder_footage import FolderFootage
from guardian.services.playback import PlaybackService
from guardian.vault.keyring import Keyring
from guardian.vault.scan import scan
from guardian.vault.sealer import VaultSealer
from tests.support.footage import stream, video
from tests.support.sealed import T0, Camera

SECRET = "correct horse battery staple"
END = T0 + 60 * SECOND_US


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return Keyring.create(tmp_path_factory.mktemp("vault"), SECRET, now_us=T0)


class Box:
    """A data folder with footage, and the services over it."""

    def __init__(self, data_dir: Path, keyring: Keyring) -> None:
        self.data_dir, self.keyring, self.tasks = data_dir, keyring, Tasks()
        self.playback = PlaybackService(FolderFootage(data_dir), data_dir, keyring)
        self.exports = self.again()

    def again(self) -> ExportService:
        """The service as it is after a restart."""
        sealer = VaultSealer(self.keyring.public_key, self.keyring.epoch)
        return ExportService(self.playback, self.data_dir, sealer, self.keyring, SystemClock(), self.tasks)

    async def finished(self, export_id: str) -> Export:
        async with asyncio.timeout(20):
            while (export := await self.exports.get(export_id)).state in ("queued", "running"):
                await asyncio.sleep(0.01)
        return export

    def files(self) -> list[str]:
        return sorted(path.suffix for path in (self.data_dir / "exports").iterdir())


@pytest.fixture
async def box(tmp_path: Path, keyring: Keyring) -> AsyncIterator[Box]:
    box = Box(tmp_path, keyring)
    Camera(tmp_path, keyring).run(*stream(video(), Codec.AAC))
    yield box
    await box.tasks.close()
    box.playback.close()


async def content(exports: ExportService, export_id: str) -> bytes:
    return b"".join([piece async for piece in exports.content(export_id)])


async def test_an_export_has_every_frame_and_is_sealed(box: Box) -> None:
    export = await box.exports.create("front", T0, END, "the parcel")
    assert export.state == "queued"
    done = await box.finished(export.id)
    assert (done.state, done.progress, done.problem, done.name) == ("done", 1.0, "", "the parcel")
    data = await content(box.exports, export.id)
    assert len(data) == done.size_bytes
    with av.open(io.BytesIO(data)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 60
    path = box.data_dir / "exports" / f"{export.id}.pgx"
    assert scan(path).header.kind is ContentKind.EXPORT
    assert scan(path).complete
    assert path.stat().st_mode & 0o777 == 0o600
    everything = b"".join(one.read_bytes() for one in path.parent.iterdir())
    assert not any(word in everything for word in (b"moof", b"mdat", b"ftyp", b"parcel"))


async def test_a_long_export_has_several_records(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("guardian.services.export_file.RECORD_BYTES", 1000)
    export = await box.exports.create("front", T0, END)
    done = await box.finished(export.id)
    table = scan(box.data_dir / "exports" / f"{export.id}.pgx").table
    assert len(table) == 3 + done.size_bytes // 1000
    assert len(await content(box.exports, export.id)) == done.size_bytes


async def test_exports_outlive_a_restart_and_their_names_stay_sealed(box: Box, keyring: Keyring) -> None:
    export = await box.exports.create("front", T0, END, "the parcel")
    data_before = (await box.finished(export.id), await content(box.exports, export.id))
    again = box.again()
    assert (await again.get(export.id), await content(again, export.id)) == data_before
    keyring.lock()
    try:
        locked = box.again()
        assert [one.name for one in await locked.list()] == [""]
        assert [one.name for one in await box.exports.list()] == [""]
        with pytest.raises(VaultLocked):
            await content(locked, export.id)
        with pytest.raises(VaultLocked):
            await locked.create("front", T0, END)
    finally:
        keyring.unlock(SECRET)
    assert [one.name for one in await locked.list()] == ["the parcel"]


async def test_where_there_is_no_footage_there_is_no_export(box: Box) -> None:
    with pytest.raises(NotFound):
        await box.exports.create("front", END, END + SECOND_US)
    with pytest.raises(BadRequest):
        await box.exports.create("front", END, T0)
    with pytest.raises(BadRequest):
        await box.exports.create("front", T0, END, "x" * 201)
    assert await box.exports.list() == ()
    assert box.files() == []


async def test_an_export_is_deleted_with_its_files(box: Box) -> None:
    export = await box.exports.create("front", T0, END)
    await box.finished(export.id)
    assert box.files() == [".json", ".pgx"]
    await box.exports.delete(export.id)
    assert box.files() == []
    for call in (box.exports.get(export.id), box.exports.delete(export.id), content(box.exports, export.id)):
        with pytest.raises(NotFound):
            await call


async def test_a_running_export_is_cancelled(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = asyncio.Event()

    async def endless(*_: object, **__: object) -> AsyncIterator[object]:
        begun.set()
        await asyncio.sleep(60)
        yield

    monkeypatch.setattr(box.playback, "cut", endless)
    export = await box.exports.create("front", T0, END)
    await begun.wait()
    assert (await box.exports.get(export.id)).state == "running"
    with pytest.raises(Conflict):
        await content(box.exports, export.id)
    waiting = await box.exports.create("front", T0, END)
    assert (await box.exports.get(waiting.id)).state == "queued"
    await box.exports.delete(export.id)
    await box.exports.delete(waiting.id)
    assert box.files() == []


async def test_what_a_crash_left_is_said_and_swept(box: Box) -> None:
    export = await box.exports.create("front", T0, END)
    await box.finished(export.id)
    folder = box.data_dir / "exports"
    sidecar = folder / f"{export.id}.json"
    sidecar.write_text(json.dumps({**json.loads(sidecar.read_text()), "state": "running"}))
    (folder / f"{export.id}.part").write_bytes(b"half")
    (folder / "019342f0-0000-7000-8000-000000000001.json").write_text("{")
    (folder / "notes.json").write_text("{}")
    (found,) = await box.again().list()
    assert (found.state, bool(found.problem)) == ("failed", True)
    assert ".part" not in box.files()


async def test_a_full_disk_fails_the_export_and_leaves_nothing(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    appended = Appender.append

    def append(self: Appender, data: bytes) -> None:
        if self.size > 2000:
            raise OSError(28, "No space left on device")
        appended(self, data)

    monkeypatch.setattr(Appender, "append", append)
    export = await box.exports.create("front", T0, END)
    failed = await box.finished(export.id)
    assert failed.state == "failed"
    assert "disk is full" in failed.problem
    await asyncio.sleep(0)
    assert box.files() == [".json"]


async def test_an_export_that_ends_early_says_why(box: Box, keyring: Keyring) -> None:
    Camera(box.data_dir, keyring, made=50).run(*stream(video(Codec.H265)), T0 + 30 * SECOND_US)
    export = await box.exports.create("front", T0, END)
    done = await box.finished(export.id)
    assert done.state == "done"
    assert "changed its form" in done.problem


async def test_a_download_ends_when_the_vault_locks(box: Box, keyring: Keyring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("guardian.services.export_file.RECORD_BYTES", 1000)
    export = await box.exports.create("front", T0, END)
    await box.finished(export.id)
    pieces = box.exports.content(export.id)
    assert await anext(pieces)
    keyring.lock()
    try:
        with pytest.raises(VaultLocked):
            await anext(pieces)
    finally:
        keyring.unlock(SECRET)


async def test_after_a_rotation_exports_are_sealed_to_the_new_key(box: Box) -> None:
    box.exports.use_sealer(VaultSealer(box.keyring.public_key, 9))
    export = await box.exports.create("front", T0, END)
    await box.finished(export.id)
    assert scan(box.data_dir / "exports" / f"{export.id}.pgx").epoch == 9
