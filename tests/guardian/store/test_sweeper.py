"""Retention carried out on a real index and real files."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from guardian.index.engine import IndexFile
from guardian.index.events import EventRepository
from guardian.index.holds import HoldRepository
from guardian.model.segment import SegmentRecord
from guardian.model.views import Hold
from guardian.services.events import EventService
from guardian.services.recordings import RecordingService
from guardian.services.storage import make_sweeper, rules_of
from guardian.settings.schema import Settings
from guardian.store import sweeper as module
from guardian.store.local import LocalStore
from guardian.store.retention import MIN_RESERVE, KeepRule, Limits, Rules
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
        self.index, self.made_room = index, 0
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
                self._made_room,
            ),
            self.clock,
        )

    def _made_room(self) -> None:
        self.made_room += 1

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


async def test_what_is_protected_while_it_is_swept_stays(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    await box.fill(100)
    box.rules = Rules(Limits(max_bytes=1000))
    delete = box.store.delete

    async def protects(segment: SegmentRecord) -> None:
        await delete(segment)
        if box.files() == 95:
            await HoldRepository(box.index).put([Hold("a", "front", T0 + 50 * MINUTE, T0 + 52 * MINUTE, "", 0)])

    monkeypatch.setattr(box.store, "delete", protects)
    await box.sweeper.sweep()
    assert await box.rows() == [50, 51, *range(92, 100)]
    assert box.files() == 10


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


async def keep(box: Box, *minutes: int, label: str = "person", zones: tuple[str, ...] = ()) -> None:
    """Somebody walks by in the middle of these minutes."""
    moments = [T0 + minute * MINUTE + 30_000_000 for minute in minutes]
    await box.repository.put([event(at, at + 1_000_000, number=at % 1000, label=label, zones=zones) for at in moments], bare)


async def test_what_something_happened_in_outlives_the_rest_and_goes_when_its_own_time_is_over(box: Box) -> None:
    await box.fill(20)
    await keep(box, 3, 7)
    await keep(box, 5, label="cat")
    box.rules = Rules(
        Limits(max_age_us=985 * MINUTE),
        keeps=(KeepRule(995 * MINUTE, labels=("person",)),),
        margins={"front": (20_000_000, 40_000_000)},
    )
    await box.sweeper.sweep()
    # Minutes 0 to 13 are too old but for 7 and, 40 s behind it, 8. Minute 3 is too old for what happened in it, too.
    assert await box.rows() == [7, 8, 14, 15, 16, 17, 18, 19]
    box.clock.forward(5 * 60)
    await box.sweeper.sweep()
    assert await box.rows() == [7, 8, 19], "it is not looked at again at once"
    box.clock.forward(6 * 60)
    await box.sweeper.sweep()
    assert await box.rows() == []


async def test_rules_are_of_cameras_labels_and_zones(box: Box) -> None:
    await box.fill(6)
    await box.fill(6, "back")
    await keep(box, 1, zones=("porch", "door"))
    await keep(box, 2, zones=("street",))
    await keep(box, 3, label="cat", zones=("porch",))
    box.rules = Rules(
        Limits(max_age_us=MINUTE),
        keeps=(
            KeepRule(9999 * MINUTE, frozenset({"front"}), ("person",), ("porch",)),
            KeepRule(9999 * MINUTE, frozenset({"back"})),
        ),
    )
    await box.sweeper.sweep()
    assert (await box.rows("front"), await box.rows("back")) == ([1], [])


async def test_when_room_is_short_what_nothing_happened_in_goes_first_but_not_the_last_day(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 4)
    box.clock.utc_us = T0 + 1450 * MINUTE
    await box.fill(20)
    await keep(box, 2, 4, 6)
    box.rules = Rules(Limits(max_bytes=1500), keeps=(KeepRule(9999 * MINUTE),))
    await box.sweeper.sweep()
    assert await box.rows() == [2, 4, 6, *range(8, 20)], "without the rule it were 0 to 4"
    box.rules = replace(box.rules, general=Limits(max_bytes=1200))
    await box.sweeper.sweep()
    assert await box.rows() == [4, 6, *range(10, 20)], "minutes 10 and on are younger than a day: the oldest goes"


async def test_what_is_held_never_goes_and_is_said_to_take_the_room(box: Box) -> None:
    await box.fill(10, size=8_000_000)
    await HoldRepository(box.index).put([Hold("a", "front", T0 + MINUTE, T0 + 3 * MINUTE, "", 0)])
    box.rules = Rules(Limits(max_bytes=1, max_age_us=1), {"front": Limits(1, 1)})
    box.free = lambda: 0
    await box.sweeper.sweep()
    assert await box.rows() == [1, 2]
    assert box.files() == 2
    assert len(box.pauses) == 1


async def test_room_made_for_want_of_it_is_told(box: Box) -> None:
    await box.fill(10, size=8_000_000)
    box.rules = Rules(Limits(max_bytes=40_000_000))
    await box.sweeper.sweep()
    assert box.made_room == 0
    box.free = lambda: MIN_RESERVE - 1 + (5 - box.files()) * 8_000_000
    await box.sweeper.sweep()
    assert box.made_room > 0


def test_settings_become_rules() -> None:
    settings = Settings.model_validate(
        {
            "storage": {
                "days": 7,
                "max_gb": 2,
                "reserve_gb": 0.5,
                "keep": {"people": {"days": 60, "labels": ["person"], "zones": ["door"], "cameras": ["a"]}},
            },
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
    assert rules.keeps == (KeepRule(60 * day, frozenset({"a"}), ("person",), ("door",)),)
    assert rules.margins["a"] == (5_000_000, 5_000_000)
    assert rules.keeps_of("b", T0) == ()
    with pytest.raises(ValueError, match="no camera 'attic'"):
        Settings.model_validate({"storage": {"keep": {"x": {"days": 1, "cameras": ["attic"]}}}})


async def test_the_sweeper_is_made_from_services(box: Box) -> None:
    await box.fill(3)
    settings = Settings.model_validate({"storage": {"max_gb": 0.0000002, "reserve_gb": 0}})
    sweeper = make_sweeper(box.recordings, box.events, box.data_dir, box.clock, lambda: settings, box.pauses.append)
    assert (await sweeper.sweep()).segments == 1
