"""Events through their life, to everybody who listens, and out again."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from guardian.index.engine import IndexFile
from guardian.index.events import EventRepository
from guardian.index.recordings import Recordings
from guardian.model.errors import NotFound, ServiceUnavailable
from guardian.model.event import Event, EventChange, EventQuery, EventState, PathPoint
from guardian.model.messages import EventReport
from guardian.model.time import SECOND_US, Span
from guardian.model.vision import Box
from guardian.services import events as module
from guardian.services.events import QUEUE, REPLAY, EventService
from guardian.vault.keyring import Keyring
from tests.support.recorded import MINUTE, T0, OwnClock, bare, event, record

BOX = Box(0.1, 0.1, 0.2, 0.2)


@pytest.fixture
def clock() -> OwnClock:
    return OwnClock(T0 + 60 * MINUTE)


@pytest.fixture
def told() -> list[tuple[str, Event]]:
    return []


@pytest.fixture
def service(
    index: IndexFile, tmp_path: Path, clock: OwnClock, told: list[tuple[str, Event]], keyring: Keyring
) -> EventService:
    return EventService(index, tmp_path, clock, keyring, lambda _: (5.0, 7.5), lambda *one: told.append(one))


async def start(service: EventService, one: Event) -> Event:
    await service.report(EventReport("start", one))
    return one


async def next_of(stream: AsyncIterator[EventChange]) -> EventChange:
    return await asyncio.wait_for(anext(stream), 2)


async def test_a_life_is_stored_and_told(service: EventService, index: IndexFile, told: list[tuple[str, Event]]) -> None:
    one = await start(service, event(T0))
    await service.report(EventReport("update", replace(one, score=0.9)))
    assert (await service.get(one.id)).score == 0.9
    assert (await service.list(EventQuery()))[0][0].score == 0.9
    await service.report(EventReport("end", replace(one, score=0.95, end_us=T0 + MINUTE)))
    stored = await EventRepository(index).get(one.id)
    assert stored is not None
    assert (stored.state, stored.end_us, stored.score) == (EventState.ENDED, T0 + MINUTE, 0.95)
    assert [what for what, _ in told] == ["start", "update", "end"]


async def test_updates_are_written_now_and_then_only(service: EventService, index: IndexFile, clock: OwnClock) -> None:
    one = await start(service, event(T0))
    written = []
    for second in range(1, 8):
        clock.forward(1)
        await service.report(EventReport("update", replace(one, score=second / 10)))
        stored = await EventRepository(index).get(one.id)
        assert stored is not None
        written.append(stored.score)
    assert written == [0.8, 0.8, 0.3, 0.3, 0.3, 0.6, 0.6]


async def test_what_a_crash_left_open_ends_at_its_last_known_moment(service: EventService, index: IndexFile) -> None:
    moved = replace(event(T0), path=(PathPoint(T0 + 5, BOX), PathPoint(T0 + 9, BOX)), snapshot_us=T0 + 7)
    still = event(T0 + MINUTE)
    await EventRepository(index).put([moved, still], bare)
    await service.end_left_open()
    ends = {one.id: (one.state, one.end_us) for one in (await service.list(EventQuery()))[0]}
    assert ends == {moved.id: (EventState.ENDED, T0 + 9), still.id: (EventState.ENDED, T0 + MINUTE)}


async def test_where_it_was_is_told_only_while_the_vault_is_unlocked(
    index: IndexFile, tmp_path: Path, clock: OwnClock, keyring: Keyring
) -> None:
    service = EventService(index, tmp_path, clock, keyring, lambda _: (5.0, 7.5), lambda *_: None)
    path = (PathPoint(T0 + 5, BOX), PathPoint(T0 + 9, Box(0.3, 0.1, 0.4, 0.2)))
    one = await start(service, replace(event(T0), path=path, snapshot_box=BOX))
    await service.report(EventReport("end", replace(one, end_us=T0 + 9)))
    seen = await service.get(one.id)
    assert (seen.path, seen.snapshot_box) == (path, BOX)
    (listed,), _ = await service.list(EventQuery())
    assert listed.path == ()
    locked = Keyring.load(keyring._folder)
    away = EventService(index, tmp_path, clock, locked, lambda _: (5.0, 7.5), lambda *_: None)
    assert (await away.get(one.id)).path == ()
    files = b"".join(file.read_bytes() for file in (tmp_path).rglob("index.db*"))
    assert b"0.4" not in files, "a coordinate is on the disk"
    repository = EventRepository(index)
    other = await start(service, replace(event(T0, number=1), path=path))
    await service.report(EventReport("end", replace(other, end_us=T0 + 9)))
    foreign = await repository.details(other.id) or b""
    await repository.put([replace(one, end_us=T0 + 9, state=EventState.ENDED)], lambda _: foreign)
    assert (await service.get(one.id)).path == (), "details of another event are not believed"
    await repository.put([replace(one, end_us=T0 + 9, state=EventState.ENDED)], lambda _: foreign[:-40])
    assert (await service.get(one.id)).path == ()


async def test_how_late_events_are_told_is_known(service: EventService, clock: OwnClock) -> None:
    assert service.delay_ms() == (0.0, 0.0)
    for number, late_us in enumerate((80_000, 120_000, 900_000)):
        report = EventReport("start", event(T0, number=number), arrived_us=clock.now().mono_us - late_us)
        await service.report(report)
        await service.report(EventReport("update", report.event))
    assert service.delay_ms() == (120.0, 900.0)


async def test_events_that_come_at_once_go_in_one_transaction_and_none_takes_another_with_it(
    service: EventService, index: IndexFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    piles, put = [], EventRepository.put

    async def noted(self: EventRepository, events: Sequence[Event], seal: Callable[[Event], bytes]) -> None:
        piles.append(len(events))
        await put(self, events, seal)

    monkeypatch.setattr(EventRepository, "put", noted)
    many = [event(T0, number=number, camera=f"cam{number}") for number in range(4)]
    await asyncio.gather(*(start(service, one) for one in many))
    assert piles == [1, 3]
    piles.clear()
    more = [event(T0, number=number, camera=f"cam{number}") for number in range(4, 8)]
    more[2] = replace(more[2], start_us=1 << 70)  # no database takes it
    await asyncio.gather(*(start(service, one) for one in more))
    assert piles == [1, 3, 1, 1, 1]
    stored = [await EventRepository(index).get(one.id) is not None for one in more]
    assert stored == [True, True, False, True]


async def test_a_dead_camera_ends_its_own_events_only(service: EventService, told: list[tuple[str, Event]]) -> None:
    mine = await start(service, event(T0))
    other = await start(service, event(T0, camera="back", number=1))
    await service.close_camera("front", T0 + MINUTE)
    assert (await service.get(mine.id)).end_us == T0 + MINUTE
    assert (await service.get(other.id)).state is EventState.ACTIVE
    assert told[-1][0] == "end"
    await service.close_camera("back", T0 - MINUTE)
    assert (await service.get(other.id)).end_us == T0, "no event ends before it began"


async def test_a_stream_gets_changes_as_they_happen_and_ends_at_shutdown(service: EventService) -> None:
    stream = service.stream()
    waiting = asyncio.ensure_future(next_of(stream))
    await asyncio.sleep(0)
    one = await start(service, event(T0))
    first = await waiting
    assert (first.what, first.event.id) == ("start", one.id)
    await service.report(EventReport("update", one))
    assert (await next_of(stream)).serial == first.serial + 1
    await service.close()
    with pytest.raises(StopAsyncIteration):
        await next_of(stream)
    assert [change async for change in service.stream()] == []


async def test_who_comes_back_gets_what_was_missed(service: EventService, clock: OwnClock) -> None:
    one = await start(service, event(T0))
    stream = service.stream(0)
    seen = (await next_of(stream)).serial
    await stream.aclose()  # type: ignore[attr-defined]
    for _ in range(3):
        await service.report(EventReport("update", one))
    again = service.stream(seen)
    assert [(await next_of(again)).serial for _ in range(3)] == [seen + 1, seen + 2, seen + 3]
    future = service.stream(seen + 1_000_000)  # from a time when the clock was ahead
    assert (await next_of(future)).serial == seen


async def test_only_the_last_changes_are_held(service: EventService, monkeypatch: pytest.MonkeyPatch) -> None:
    one = await start(service, event(T0))
    for _ in range(REPLAY + 10):
        await service.report(EventReport("update", one))
    stream = service.stream(0)
    serials = [(await next_of(stream)).serial for _ in range(REPLAY)]
    assert serials[-1] - serials[0] == REPLAY - 1


async def test_a_slow_listener_loses_updates_but_no_start_and_no_end(service: EventService) -> None:
    stream = service.stream()
    waiting = asyncio.ensure_future(next_of(stream))
    await asyncio.sleep(0)
    first = await start(service, event(T0))
    for number in range(QUEUE + 50):
        await service.report(EventReport("update", replace(first, score=number / 1000)))
    await service.report(EventReport("end", first))
    await waiting
    got = [await next_of(stream) for _ in range(QUEUE)]
    assert got[-1].what == "end"
    assert got[-2].event.score == (QUEUE + 49) / 1000, "the newest updates are those that are kept"


async def test_a_hopeless_listener_is_ended_and_others_go_on(service: EventService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUEUE", 3)
    slow = service.stream()
    waiting = asyncio.ensure_future(next_of(slow))
    await asyncio.sleep(0)
    for number in range(6):
        await start(service, event(T0 + number, number=number))
    await waiting
    assert len([change async for change in slow]) == 3, "what had come before it fell behind"


async def test_a_deleted_event_is_gone_with_its_picture_and_stays_so(
    service: EventService, tmp_path: Path, told: list[tuple[str, Event]]
) -> None:
    picture = tmp_path / "pictures" / "front" / "2026-11-23" / "x.pgp"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"sealed")
    one = await start(service, event(T0, snapshot="front/2026-11-23/x.pgp"))
    await service.delete(one.id)
    assert not picture.parent.exists()
    await service.report(EventReport("update", one))
    with pytest.raises(NotFound):
        await service.get(one.id)
    with pytest.raises(NotFound):
        await service.delete(one.id)
    assert [what for what, _ in told] == ["start", "delete"]


async def test_events_go_with_their_footage(service: EventService, index: IndexFile) -> None:
    await Recordings(index).add([record(T0 + 10 * MINUTE)])
    old = [event(T0 + n, T0 + MINUTE, number=n) for n in range(5)]
    kept = event(T0 + 10 * MINUTE, T0 + 11 * MINUTE)
    await EventRepository(index).put([*old, kept], bare)
    assert await service.drop_without_footage("front", T0 + 60 * MINUTE) == 5
    assert [one.id for one in (await service.list(EventQuery()))[0]] == [kept.id]


async def test_an_index_that_is_away_does_not_silence_events(
    service: EventService, told: list[tuple[str, Event]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise ServiceUnavailable("busy")

    monkeypatch.setattr(service._repository, "put", fails)
    await start(service, event(T0))
    assert len(told) == 1


async def test_clip_has_seconds_before_and_after(service: EventService, clock: OwnClock) -> None:
    ended = await start(service, event(T0, number=1))
    await service.report(EventReport("end", replace(ended, end_us=T0 + MINUTE)))
    lasts = await start(service, event(T0, number=2))
    margin = 7_500_000
    assert (await service.clip_span(ended.id))[1] == Span(T0 - 5 * SECOND_US, T0 + MINUTE + margin)
    assert (await service.clip_span(lasts.id))[1] == Span(T0 - 5 * SECOND_US, clock.utc_us + margin)


@pytest.mark.parametrize("snapshot", ["", "front/2026-11-23/none.pgp"])
async def test_no_picture_is_not_found(service: EventService, snapshot: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_open", lambda path, _: path.read_bytes())
    one = await start(service, event(T0, snapshot=snapshot))
    with pytest.raises(NotFound):
        await service.snapshot(one.id)


async def test_a_picture_is_opened(service: EventService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_open", lambda path, _: b"opened " + path.read_bytes())
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "x.pgp").write_bytes(b"picture")
    one = await start(service, event(T0, snapshot="x.pgp"))
    assert await service.snapshot(one.id) == b"opened picture"
