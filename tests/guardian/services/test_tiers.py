"""Footage in further places: taken there, played from there, deleted there, and found again."""

from pathlib import Path

import pytest
from guardian_folder.store import FolderStore

from guardian.index.engine import IndexFile
from guardian.index.holds import HoldRepository
from guardian.model.errors import Damaged, NotFound, ServiceUnavailable
from guardian.model.segment import SegmentRecord
from guardian.model.time import SECOND_US
from guardian.model.views import Hold
from guardian.services.recordings import RecordingService
from guardian.services.tiers import MARK, Tier, TierService
from guardian.settings.schema import TierSettings
from tests.support.plain_sealer import scan
from tests.support.recorded import MINUTE, T0, OwnClock, whole

DAY = 86_400 * SECOND_US
NONE = {"reserve_gb": 0}


class House:
    def __init__(self, index: IndexFile, folder: Path) -> None:
        self.index, self.folder = index, folder
        self.clock = OwnClock(T0 + DAY)
        (folder / "nas").mkdir()
        self.changes: list[str] = []
        self.start()

    def start(self, **settings: object) -> Tier:
        self.recordings = RecordingService(self.index, self.folder, self.clock, scan)
        self.tier = Tier("nas", TierSettings.model_validate(NONE | settings), FolderStore(self.folder / "nas"))
        self.tiers = TierService(
            self.index,
            self.folder,
            self.clock,
            self.recordings,
            [self.tier],
            scan,
            lambda tier: self.changes.append(tier.problem),
        )
        return self.tier

    async def fill(self, count: int, camera: str = "front", first: int = 0) -> list[SegmentRecord]:
        records = [whole(self.folder, T0 + (first + n) * MINUTE, 60, camera) for n in range(count)]
        await self.recordings.catalogue.add(records)
        return records

    async def round(self) -> None:
        await self.tiers.begin(self.tier)
        await self.tiers.round(self.tier)

    def here(self) -> int:
        return len(list((self.folder / "segments").rglob("*.pgs")))

    def there(self) -> int:
        return len(list((self.folder / "nas").rglob("*.pgs")))

    async def playable(self, camera: str = "front") -> int:
        views = await self.recordings.segments(camera, "main", T0, T0 + DAY)
        assert all(view.path.is_file() and len(view.table) == 61 for view in views)
        return len(views)


@pytest.fixture
def house(index: IndexFile, tmp_path: Path) -> House:
    return House(index, tmp_path)


async def test_a_copy_leaves_our_own(house: House) -> None:
    records = await house.fill(5)
    await house.round()
    assert (house.here(), house.there(), await house.playable()) == (5, 5, 5)
    assert (house.tier.segments, house.tier.size_bytes) == (5, sum(one.size_bytes for one in records))
    await house.round()
    assert house.there() == 5
    file = house.folder / "nas" / records[0].path
    assert file.read_bytes() == (house.folder / "segments" / records[0].path).read_bytes()


async def test_what_is_moved_plays_from_there_and_takes_nothing_here(house: House) -> None:
    records = await house.fill(5)
    assert await house.playable() == 5
    house.start(move=True, after_days=(DAY - 2 * MINUTE) / DAY)
    assert await house.playable() == 5
    await house.round()
    assert (house.here(), house.there(), await house.playable()) == (4, 1, 5)
    (usage,) = await house.recordings.catalogue.usage()
    assert (usage.segments, usage.oldest_us) == (4, T0)
    assert usage.size_bytes == sum(one.size_bytes for one in records[1:])
    assert (await house.recordings.segment(records[0].header.segment_id)).path == house.folder / "nas" / records[0].path
    spans = await house.recordings.spans("front", "main", T0, T0 + DAY)
    assert len(spans) == 1
    await house.recordings.reconcile()
    assert await house.playable() == 5, "a start forgets nothing that is elsewhere"


async def test_what_retention_deletes_here_stays_there(house: House) -> None:
    records = await house.fill(3)
    await house.round()
    for one in records[:2]:
        (house.folder / "segments" / one.path).unlink()
    await house.recordings.catalogue.forget([one.header.segment_id for one in records[:2]])
    assert await house.playable() == 3
    assert await house.recordings.catalogue.oldest("front", "main", 10) == (records[2],)


async def test_it_goes_there_by_age_and_size_but_not_what_is_held(house: House) -> None:
    records = await house.fill(6)
    house.start(move=True)
    await house.round()
    await HoldRepository(house.index).put([Hold("a", "front", T0, T0 + MINUTE, "", 0)])
    house.start(move=True, days=(DAY - 3 * MINUTE - 1) / DAY)
    await house.round()
    assert (house.there(), await house.playable()) == (4, 4), "minutes 1 and 2 are too old, minute 0 is held"
    house.start(move=True, max_gb=2 * records[0].size_bytes / 1e9)
    await house.round()
    found = await house.recordings.segments("front", "main", T0, T0 + DAY)
    assert [(one.header.start_utc_us - T0) // MINUTE for one in found] == [0, 5]
    assert house.there() == house.tier.segments == 2


async def test_only_the_cameras_that_were_named(house: House) -> None:
    await house.fill(2, "front")
    await house.fill(2, "back")
    house.start(cameras=["back"])
    await house.round()
    assert {path.name for path in (house.folder / "nas").iterdir()} == {"back", MARK}


async def test_an_index_made_anew_finds_what_is_there(house: House) -> None:
    records = await house.fill(4)
    house.start(move=True)
    await house.round()
    await house.tiers._copies.forget("nas", [one.header.segment_id for one in records])
    assert await house.playable() == 0
    house.start(move=True)
    await house.round()
    assert (house.tier.segments, await house.playable()) == (4, 4)


async def test_a_folder_that_is_not_mounted_is_not_filled(house: House) -> None:
    await house.fill(2)
    await house.round()
    (house.folder / "nas").rename(house.folder / "away")
    with pytest.raises(ServiceUnavailable, match="is not there"):
        await house.round()
    (house.folder / "nas").mkdir()
    with pytest.raises(ServiceUnavailable, match=r"\.guardian-tier is missing"):
        await house.round()
    assert house.there() == 0


def unmount(house: House) -> None:
    """The disk goes; what is left is the empty folder below it."""
    (house.folder / "nas").rename(house.folder / "away")
    (house.folder / "nas").mkdir()


async def test_a_disk_that_goes_in_the_middle_of_a_round_costs_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.fill(5)
    house.start(move=True)
    put = house.tier.store.put

    async def goes(segment: SegmentRecord, chunks: object) -> None:
        if house.tier.segments == 2:
            unmount(house)
        await put(segment, chunks)  # type: ignore[arg-type]

    monkeypatch.setattr(house.tier.store, "put", goes)
    with pytest.raises(ServiceUnavailable, match=MARK):
        await house.round()
    assert (house.here(), len(list((house.folder / "away").rglob("*.pgs")))) == (3, 2)


async def test_what_is_too_old_on_a_disk_that_goes_stays_known(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.fill(30)
    house.start(move=True)
    await house.round()
    house.start(move=True, days=60 / DAY * SECOND_US)
    delete = house.tier.store.delete

    async def goes(segment: SegmentRecord) -> None:
        await delete(segment)
        if len(list((house.folder / "nas").rglob("*.pgs"))) == 10:
            unmount(house)

    monkeypatch.setattr(house.tier.store, "delete", goes)
    with pytest.raises(ServiceUnavailable, match=MARK):
        await house.round()
    rows = [one async for page in house.recordings.catalogue.pages() for one in page]
    assert len(rows) == len(list((house.folder / "away").rglob("*.pgs"))) == 10


async def test_what_is_protected_while_it_is_deleted_there_stays(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.fill(10)
    house.start(move=True)
    await house.round()
    house.start(move=True, days=60 / DAY * SECOND_US)
    delete = house.tier.store.delete

    async def protects(segment: SegmentRecord) -> None:
        await delete(segment)
        await HoldRepository(house.index).put([Hold("a", "front", T0 + 7 * MINUTE, T0 + 8 * MINUTE, "", 0)])

    monkeypatch.setattr(house.tier.store, "delete", protects)
    await house.round()
    assert (house.there(), await house.playable(), house.tier.segments) == (1, 1, 1)


async def test_a_store_that_changes_a_byte_in_the_middle_does_not_cost_our_own(house: House) -> None:
    (record,) = await house.fill(1)
    house.start(move=True)
    put = house.tier.store.put

    async def flips(segment: SegmentRecord, chunks: object) -> None:
        await put(segment, chunks)  # type: ignore[arg-type]
        file = house.folder / "nas" / segment.path
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)

    house.tier.store.put = flips  # type: ignore[method-assign]
    with pytest.raises(Damaged):
        await house.round()
    assert (house.here(), house.there(), await house.playable()) == (1, 0, 1)
    assert record.size_bytes > 8192, "the middle is neither end"


async def test_a_store_that_loses_bytes_does_not_cost_our_own(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.fill(1)
    house.start(move=True)
    real = house.tier.store.read

    async def wrong(segment: SegmentRecord, start: int, length: int) -> bytes:
        return (await real(segment, start, length))[:-1] + b"?"

    monkeypatch.setattr(house.tier.store, "read", wrong)
    with pytest.raises(Damaged):
        await house.round()
    assert (house.here(), house.there(), await house.playable()) == (1, 0, 1)


async def test_trouble_is_told_once_and_its_end(house: House) -> None:
    house.tiers._note(house.tier, "gone", "Mount it.")
    house.tiers._note(house.tier, "gone", "Mount it.")
    house.tiers._note(house.tier, "", "")
    assert house.changes == ["gone", ""]
    assert house.tiers.status()[0].problem == ""


async def test_what_retention_takes_meanwhile_is_no_trouble(house: House) -> None:
    (record,) = await house.fill(1)
    (house.folder / "segments" / record.path).unlink()
    await house.round()
    assert house.tier.segments == 0
    with pytest.raises(NotFound):
        await house.recordings.segment(record.header.segment_id)


async def test_a_store_without_a_folder_keeps_copies_but_plays_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    (record,) = await house.fill(1)
    del house.tier.store.root
    assert house.tier.root is None
    await house.round()
    assert await house.playable() == 1
    await house.recordings.catalogue.forget([record.header.segment_id])
    house.recordings.moved([record.header.segment_id])
    assert await house.playable() == 0
