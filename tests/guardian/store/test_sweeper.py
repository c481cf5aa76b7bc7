"""Retention carried out on a real index and real files."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from guardian.index.engine import IndexFile
from guardian.index.events import EventRepository
from guardian.model.segment import SegmentRecord
from guardian.services.events import EventService
from guardian.services.recordings import RecordingService
from guardian.services.storage import make_sweeper, rules_of
from guardian.settings.schema import Settings
from guardian.store import sweeper as module
from guardian.store.local import LocalStore
from guardian.store.retention import MIN_RESERVE, Limits, Rules
from guardian.store.sweeper import Hands, Sweeper, Swept
from tests.support.plain_sealer import scan
from tests.support.recorded import MINUTE, T0, OwnClock, bare, event, record

ROOM = 1 << 60


class Box:
    """An index with rows and files of 100 bytes, and a disk of which the test says how full it is."""

    def __init__(self, index: IndexFile, data_dir: Path) -> None:
        self.clock, self.data_dir = OwnClock(T0 + 1000 * MINUTE), data_dir
        self.recordings = RecordingService(index, data_dir, self.clock, scan)
        self.repository = EventRepository(index)
        self.events = EventService(index, data_dir, self.clock, None, lambda _: (0, 0), lambda *_: None)  # type: ignore[arg-type]
        self.rules = Rules()
        self.pauses: list[str] = []
        self.free: Callable[[], int] = lambda: ROOM
        self.store = LocalStore(data_dir / "segments")
        self.sweeper = Sweeper(
            Hands(
                self.recordings.catalogue,
                self.store,
                lambda: self.free(),
                lambda: self.rules,
                self.events.drop_without_footage,
                self.pauses.append,
            ),
            self.clock,
        )

    async def fill(self, count: int, camera: str = "front", first: int = 0, size: int = 100) -> list[SegmentRecord]:
        records = [record(T0 + (first + n) * MINUTE, camera, size=size) for n in range(count)]
        for one in records:
            path = self.data_dir / "segments" / one.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bytes(100))
        await self.recordings.catalogue.add(records)
        return records

    def files(self) -> int:
        return len(list((self.data_dir / "segments").rglob("*.pgs")))

    async def rows(self, camera: str = "front") -> list[int]:
        """Minutes of which there are rows."""
        found = [one async for page in self.recordings.catalogue.pages() for one in page]
        return sorted((one.header.start_utc_us - T0) // MINUTE for one in found if one.header.camera == camera)


@pytest.fixture
def box(index: IndexFile, tmp_path: Path) -> Box:
    return Box(index, tmp_path)


async def test_files_rows_events_and_pictures_go_together(box: Box) -> None:
    await box.fill(5)
    picture = box.data_dir / "pictures" / "front" / "a.pgp"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"sealed")
    old = event(T0 + 1, T0 + MINUTE, snapshot="front/a.pgp")
    half = event(T0 + 2 * MINUTE, T0 + 3 * MINUTE + 1)
    await box.repository.put([old, half], bare)
    box.rules = Rules(Limits(max_bytes=200))
    assert await box.sweeper.sweep() == Swept(3, 300)
    assert (box.files(), await box.rows()) == (2, [3, 4])
    assert await box.repository.get(old.id) is None
    assert not picture.exists()
    assert await box.repository.get(half.id) is not None, "some of its footage is left"
    assert await box.sweeper.sweep() == Swept()


async def test_more_than_a_batch_goes_in_one_sweep(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 7)
    monkeypatch.setattr(module, "STEP", 3)
    await box.fill(50)
    box.rules = Rules(Limits(max_bytes=1000))
    assert (await box.sweeper.sweep()).segments == 40
    assert await box.rows() == list(range(40, 50))


async def test_a_camera_with_much_old_footage_does_not_shield_another(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 5)
    await box.fill(30, "front")
    await box.fill(30, "back", first=500)
    box.rules = Rules(cameras={"back": Limits(max_age_us=480 * MINUTE)})
    assert (await box.sweeper.sweep()).segments == 19
    assert len(await box.rows("front")) == 30


async def test_over_all_cameras_the_oldest_goes_first(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 5)
    await box.fill(30, "front")
    await box.fill(30, "back", first=15)
    box.rules = Rules(Limits(max_bytes=3000))
    await box.sweeper.sweep()
    assert min(await box.rows("front")) in (22, 23)
    assert min(await box.rows("back")) in (22, 23)


async def test_a_full_disk_deletes_the_oldest_then_pauses_then_resumes(box: Box) -> None:
    await box.fill(10, size=8_000_000)
    others = 0
    box.free = lambda: MIN_RESERVE - 1 - others + (10 - box.files()) * 8_000_000
    await box.sweeper.sweep()
    assert (await box.rows(), box.pauses) == ([3, 4, 5, 6, 7, 8, 9], [])
    others = 1 << 40
    await box.sweeper.sweep()
    assert await box.rows() == []
    assert len(box.pauses) == 1
    assert "GB free" in box.pauses[0]
    others = -MIN_RESERVE
    await box.sweeper.sweep()
    assert box.pauses[-1] == ""


async def test_a_file_that_cannot_be_deleted_does_not_stop_the_rest(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    first, *_ = await box.fill(5)
    delete = box.store.delete

    async def stubborn(segment: SegmentRecord) -> None:
        if segment == first:
            raise PermissionError("no")
        await delete(segment)

    monkeypatch.setattr(box.store, "delete", stubborn)
    box.rules = Rules(Limits(max_bytes=200))
    assert (await box.sweeper.sweep()).segments == 3
    assert await box.rows() == [0, 4]


async def test_events_of_a_camera_that_does_not_record_grow_old_too(box: Box) -> None:
    old, young = event(T0, T0 + 1, number=1), event(T0 + 900 * MINUTE, T0 + 901 * MINUTE, number=2)
    await box.repository.put([old, young], bare)
    box.rules = Rules(Limits(max_age_us=500 * MINUTE), {"front": Limits()})
    await box.sweeper.sweep()
    assert await box.repository.get(old.id) is None
    assert await box.repository.get(young.id) is not None


async def test_a_poke_sweeps_at_once(box: Box) -> None:
    await box.fill(3)
    running = asyncio.ensure_future(box.sweeper.run())
    for _ in range(100):
        await asyncio.sleep(0.005)
    box.rules = Rules(Limits(max_bytes=100))
    box.sweeper.poke()
    for _ in range(400):
        if await box.rows() == [2]:
            break
        await asyncio.sleep(0.005)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await box.rows() == [2]


def test_settings_become_rules() -> None:
    settings = Settings.model_validate(
        {
            "storage": {"days": 7, "max_gb": 2, "reserve_gb": 0.5},
            "cameras": {
                "a": {"kind": "file", "retention": {"max_gb": 1}},
                "b": {"kind": "file", "retention": {"days": 30}},
                "c": {"kind": "file"},
            },
        }
    )
    rules, day = rules_of(settings), 86_400_000_000
    assert (rules.general, rules.reserve_bytes) == (Limits(7 * day, 2_000_000_000), 500_000_000)
    assert [rules.age_of(camera) for camera in ("a", "b", "c", "removed")] == [7 * day, 30 * day, 7 * day, 7 * day]
    assert rules.cameras["a"].max_bytes == 1_000_000_000


async def test_the_sweeper_is_made_from_services(box: Box) -> None:
    await box.fill(3)
    settings = Settings.model_validate({"storage": {"max_gb": 0.0000002, "reserve_gb": 0}})
    sweeper = make_sweeper(box.recordings, box.events, box.data_dir, box.clock, lambda: settings, box.pauses.append)
    assert (await sweeper.sweep()).segments == 1
