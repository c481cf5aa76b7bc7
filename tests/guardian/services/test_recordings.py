"""What has been recorded, up to the last second, and through every kind of end."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from guardian.index.engine import IndexFile
from guardian.model.errors import NotFound, ServiceUnavailable
from guardian.model.messages import SegmentClosed, SegmentOpened
from guardian.model.segment import SegmentRecord
from guardian.model.time import SECOND_US, Span
from guardian.services.recordings import RecordingService
from guardian.services.timeline import TimelineService
from tests.support.plain_sealer import scan
from tests.support.recorded import MINUTE, T0, OwnClock, Recording, closed, make_id, record, whole

HOUR = 60 * MINUTE


@pytest.fixture
def clock() -> OwnClock:
    return OwnClock(T0 + HOUR)


@pytest.fixture
async def service(index: IndexFile, tmp_path: Path, clock: OwnClock) -> AsyncIterator[RecordingService]:
    made = RecordingService(index, tmp_path, clock, scan)
    yield made
    await made.close()


async def write(service: RecordingService, recording: Recording, seconds: int) -> None:
    await service.take("front", recording.opened())
    await service.take("front", recording.sealed(recording.metas[0]))
    for _ in range(seconds):
        await service.take("front", recording.sealed(recording.second()))


async def indexed(service: RecordingService) -> list[SegmentRecord]:
    return [one async for page in service.catalogue.pages() for one in page]


async def settled(service: RecordingService) -> None:
    """Wait for what runs beside."""
    import asyncio

    while service._tasks._tasks:
        await asyncio.wait(service._tasks._tasks)


async def test_footage_of_the_last_second_is_there_while_its_segment_is_open(
    service: RecordingService, tmp_path: Path
) -> None:
    recording = Recording(tmp_path, T0)
    await write(service, recording, 3)
    (span,) = await service.spans("front", "main", T0, T0 + HOUR)
    assert (span.start_us, span.end_us, span.open) == (T0, T0 + 3 * SECOND_US, True)
    view = await service.segment(recording.header.segment_id)
    assert (view.open, view.table, view.path) == (True, tuple(recording.metas), recording.file)
    assert (await service.segments("front", "main", T0 + SECOND_US, T0 + 2 * SECOND_US)) == (view,)
    assert await service.bounds("front", "main") == Span(T0, T0 + 3 * SECOND_US)
    assert await indexed(service) == []


async def test_a_closed_segment_is_indexed_and_reads_the_same(service: RecordingService, tmp_path: Path) -> None:
    recording = Recording(tmp_path, T0)
    await write(service, recording, 3)
    done = recording.finish()
    await service.take("front", closed(done))
    assert await indexed(service) == [done]
    view = await service.segment(recording.header.segment_id)
    assert (view.open, view.table, view.end_utc_us) == (False, tuple(recording.metas), done.end_utc_us)
    (span,) = await service.spans("front", "main", T0, T0 + HOUR)
    assert not span.open


async def test_open_and_closed_segments_join_into_one_span_and_are_cut_to_what_is_asked(
    service: RecordingService, tmp_path: Path
) -> None:
    first = whole(tmp_path, T0, 60)
    await service.take("front", closed(first))
    await write(service, Recording(tmp_path, T0 + MINUTE), 10)
    (span,) = await service.spans("front", "main", T0 - HOUR, T0 + HOUR)
    assert (span.start_us, span.end_us, span.open) == (T0, T0 + 70 * SECOND_US, True)
    (cut,) = await TimelineService(service).spans("front", T0 + SECOND_US, T0 + 65 * SECOND_US)
    assert (cut.start_us, cut.end_us) == (T0 + SECOND_US, T0 + 65 * SECOND_US)
    assert len(await service.segments("front", "main", T0, T0 + HOUR)) == 2


async def test_a_gap_shows(service: RecordingService, tmp_path: Path) -> None:
    await service.take("front", closed(whole(tmp_path, T0, 10)))
    await write(service, Recording(tmp_path, T0 + 30 * SECOND_US), 2)
    assert len(await service.spans("front", "main", T0, T0 + HOUR)) == 2


async def test_a_dead_camera_loses_only_the_fragment_in_flight(service: RecordingService, tmp_path: Path) -> None:
    recording = Recording(tmp_path, T0)
    await write(service, recording, 3)
    recording.tear()
    await service.camera_lost("front")
    (found,) = await indexed(service)
    assert (found.fragments, found.complete, found.end_utc_us) == (3, False, T0 + 3 * SECOND_US)
    assert recording.file.stat().st_size == found.size_bytes
    (span,) = await service.spans("front", "main", T0, T0 + HOUR)
    assert not span.open
    view = await service.segment(recording.header.segment_id)
    assert len(view.table) == 4


async def test_a_dead_camera_whose_last_messages_were_lost(service: RecordingService, tmp_path: Path) -> None:
    """Its file was never announced; the next process of the camera already writes another."""
    lost = Recording(tmp_path, T0)
    lost.second()
    young = Recording(tmp_path, T0 + HOUR + SECOND_US)
    young.tear()
    size = young.file.stat().st_size
    await service.camera_lost("front")
    assert [one.header.segment_id for one in await indexed(service)] == [lost.header.segment_id]
    assert young.file.stat().st_size == size, "a file that is being written is left alone"


async def test_another_camera_is_not_touched_by_a_death(service: RecordingService, tmp_path: Path) -> None:
    other = Recording(tmp_path, T0, "back")
    await service.take("back", other.opened())
    await service.take("back", other.sealed(other.metas[0]))
    await service.take("back", other.sealed(other.second()))
    await service.camera_lost("front")
    assert (await service.segment(other.header.segment_id)).open


@pytest.mark.parametrize(
    "path",
    [
        "back/main/2026-11-23/{id}.pgs",
        "front/main/../{id}.pgs",
        "../../{id}.pgs",
        "front/main/2026-11-23/x.pgs",
        "/front/main/{id}.pgs",
    ],
)
async def test_a_camera_process_cannot_name_files_of_others(service: RecordingService, path: str) -> None:
    one = record(T0)
    named = path.format(id=one.header.segment_id)
    await service.take("front", SegmentOpened(one.header, 7, named))
    await service.take("front", SegmentClosed(replace(one, path=named)))
    assert await indexed(service) == []
    with pytest.raises(NotFound):
        await service.segment(one.header.segment_id)


async def test_a_camera_process_cannot_speak_for_another(service: RecordingService, tmp_path: Path) -> None:
    recording = Recording(tmp_path, T0)
    await write(service, recording, 1)
    await service.take("back", recording.sealed(recording.second()))
    await service.take("back", closed(recording.finish()))
    assert len((await service.segment(recording.header.segment_id)).table) == 2
    assert await indexed(service) == []


async def test_an_index_that_is_away_loses_nothing(
    service: RecordingService, tmp_path: Path, clock: OwnClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = service.catalogue.add

    async def fails(_: object) -> None:
        raise ServiceUnavailable("busy")

    monkeypatch.setattr(service.catalogue, "add", fails)
    first = whole(tmp_path, T0)
    await service.take("front", closed(first))
    assert (await service.segment(first.header.segment_id)).open is False
    assert len(await service.spans("front", "main", T0, T0 + HOUR)) == 1
    monkeypatch.setattr(service.catalogue, "add", add)
    clock.forward(10)
    await service.take("front", closed(whole(tmp_path, T0 + MINUTE)))
    assert len(await indexed(service)) == 2


async def test_after_a_crash_files_are_mended_indexed_and_forgotten(
    service: RecordingService, tmp_path: Path, index: IndexFile
) -> None:
    known, missed, gone = whole(tmp_path, T0), whole(tmp_path, T0 + MINUTE), record(T0 + 2 * MINUTE)
    torn = Recording(tmp_path, T0 + 3 * MINUTE)
    torn.second()
    torn.tear()
    empty = Recording(tmp_path, T0 + 4 * MINUTE)
    await service.catalogue.add([known, gone])
    await service.reconcile()
    found = {one.header.segment_id: one for one in await indexed(service)}
    assert set(found) == {known.header.segment_id, missed.header.segment_id, torn.header.segment_id}
    assert torn.file.stat().st_size == found[torn.header.segment_id].size_bytes
    assert not empty.file.exists()
    await service.reconcile()
    assert len(await indexed(service)) == 3


async def test_a_file_that_still_grows_is_not_mended(
    service: RecordingService, tmp_path: Path, clock: OwnClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = Recording(tmp_path, T0)
    recording.second()

    async def grows(_: float) -> None:
        recording.tear()

    monkeypatch.setattr(clock, "sleep", grows)
    await service.reconcile()
    assert await indexed(service) == []
    assert scan(recording.file).whole_bytes < recording.file.stat().st_size


async def test_older_days_are_brought_together_beside(service: RecordingService, tmp_path: Path) -> None:
    day = 24 * HOUR
    recordings = [whole(tmp_path, T0 - n * day) for n in range(5)]
    await service.catalogue.add([record(T0 - 9 * day)])  # a whole day is gone
    await service.reconcile()
    assert {one.header.segment_id for one in await indexed(service)} >= {one.header.segment_id for one in recordings[:2]}
    await settled(service)
    assert {one.header.segment_id for one in await indexed(service)} == {one.header.segment_id for one in recordings}


async def test_a_disk_that_is_not_mounted_makes_nothing_forgotten(service: RecordingService) -> None:
    await service.catalogue.add([record(T0)])
    await service.reconcile()
    assert len(await indexed(service)) == 1


async def test_footage_is_summed_with_what_is_being_recorded(
    service: RecordingService, clock: OwnClock, tmp_path: Path
) -> None:
    assert await service.footage() == (0, None)
    recording = Recording(tmp_path, T0 - HOUR)
    await write(service, recording, 3)
    clock.forward(6)
    size, oldest = await service.footage()
    assert (size, oldest) == (sum(meta.size for meta in recording.metas), T0 - HOUR)
    await service.take("front", closed(recording.finish()))
    clock.forward(6)
    assert (await service.footage())[0] == recording.file.stat().st_size


async def test_footage_is_summed(service: RecordingService, clock: OwnClock) -> None:
    await service.catalogue.add([record(T0, size=5), record(T0 + MINUTE, "back", size=7)])
    clock.forward(6)
    assert await service.footage() == (12, T0)


async def test_unknown_or_deleted_segments_are_not_found(service: RecordingService) -> None:
    with pytest.raises(NotFound):
        await service.segment(make_id(T0))
    await service.catalogue.add([record(T0)])
    with pytest.raises(NotFound):
        await service.segment(record(T0).header.segment_id)
    assert await service.segments("front", "main", T0, T0 + HOUR) == ()
