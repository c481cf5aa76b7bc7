"""Events: filters, pages, cursors."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian.index.engine import IndexFile
from guardian.index.events import EventRepository, decode_cursor, encode_cursor
from guardian.index.recordings import Recordings
from guardian.model.errors import BadRequest
from guardian.model.event import Event, EventQuery, EventState, Happening, HappeningKind, PathPoint
from guardian.model.ids import uuid7
from guardian.model.vision import Box
from tests.support.recorded import MINUTE, T0, bare, event, record


@pytest.fixture
def events(index: IndexFile) -> EventRepository:
    return EventRepository(index)


async def ids(events: EventRepository, **query: object) -> list[str]:
    return [one.id for one in (await events.list(EventQuery(**query)))[0]]  # type: ignore[arg-type]


async def test_an_event_comes_back_as_it_was(events: EventRepository) -> None:
    box = Box(0.1, 0.2, 0.30000000000000004, 0.4)
    one = replace(
        event(T0, zones=("yard", "the 'gate'")),
        snapshot="front/2026-11-23/x.pgp",
        snapshot_us=T0 + 5,
        snapshot_box=box,
        path=(PathPoint(T0, box), PathPoint(T0 + 1, box)),
        happenings=(Happening("the 'gate'", HappeningKind.CROSS, T0 + 1, "left"),),
    )
    await events.put([one], lambda event: b"sealed " + event.id.encode())
    open_part = replace(one, snapshot_box=None, path=())
    assert await events.get(one.id) == open_part, "where it was does not stand in the clear"
    assert await events.details(one.id) == b"sealed " + one.id.encode()
    assert await events.left_open() == ((open_part, T0 + 5),)
    await events.end([(one.id, T0 + 9)])
    ended = await events.get(one.id)
    assert ended == replace(open_part, state=EventState.ENDED, end_us=T0 + 9)
    assert await events.details("no such event") is None
    assert await events.get("no such event") is None


async def test_filters(events: EventRepository) -> None:
    a = event(T0, T0 + MINUTE, zones=("yard",))
    b = event(T0 + 2 * MINUTE, T0 + 3 * MINUTE, camera="back", label="cat", zones=("yardstick",))
    c = event(T0 + 4 * MINUTE)  # lasts
    await events.put([a, b, c], bare)
    assert await ids(events) == [c.id, b.id, a.id]
    assert await ids(events, camera="back") == [b.id]
    assert await ids(events, label="person") == [c.id, a.id]
    assert await ids(events, zone="yard") == [a.id]
    assert await ids(events, start_us=T0 + MINUTE) == [c.id, b.id]
    assert await ids(events, start_us=T0 + MINUTE - 1) == [c.id, b.id, a.id]
    assert await ids(events, end_us=T0 + 2 * MINUTE) == [a.id]
    assert await ids(events, start_us=T0 + 60 * MINUTE) == [c.id], "what lasts overlaps everything after its start"
    assert await events.labels() == ("cat", "person")


async def test_pages_hold_every_event_once_even_when_new_ones_come(events: EventRepository) -> None:
    same_time = [event(T0, T0 + 1, number=n) for n in range(5)]
    later = [event(T0 + MINUTE + n, T0 + 2 * MINUTE, number=n) for n in range(4)]
    await events.put([*same_time, *later], bare)
    seen, cursor = [], None
    while True:
        page, cursor = await events.list(EventQuery(limit=2, cursor=cursor))
        seen += [one.id for one in page]
        await events.put([event(T0 + 5 * MINUTE + len(seen), None)], bare)
        if cursor is None:
            break
    expected = sorted([*same_time, *later], key=lambda one: (one.start_us, one.id), reverse=True)
    assert seen == [one.id for one in expected]


async def test_a_last_page_that_is_full_has_no_next(events: EventRepository) -> None:
    await events.put([event(T0, number=n) for n in range(2)], bare)
    page, cursor = await events.list(EventQuery(limit=2))
    assert (len(page), cursor) == (2, None)


@pytest.mark.parametrize("limit", [0, -1, 501])
async def test_a_limit_out_of_range_names_its_field(events: EventRepository, limit: int) -> None:
    with pytest.raises(BadRequest) as caught:
        await events.list(EventQuery(limit=limit))
    assert caught.value.field == "limit"


@given(st.integers(min_value=-(2**60), max_value=2**60), st.binary(min_size=10, max_size=10))
def test_cursors_come_back(start_us: int, random: bytes) -> None:
    event_id = uuid7(1, random)
    assert decode_cursor(encode_cursor(start_us, event_id)) == (start_us, event_id)


@given(st.text(max_size=80))
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadRequest) as caught:
        decode_cursor(text)
    assert caught.value.field == "cursor"


@pytest.mark.parametrize(
    "inner",
    ["1", "1,x", ",", "x,0190", f"0x1,{uuid7(1, bytes(10))}", f"{2**70},{uuid7(1, bytes(10))}", f"01,{uuid7(1, bytes(10))}"],
)
def test_forged_cursors_are_refused(inner: str) -> None:
    import base64

    with pytest.raises(BadRequest):
        decode_cursor(base64.urlsafe_b64encode(inner.encode()).decode().rstrip("="))


async def test_only_ended_events_without_any_footage_are_given_up(index: IndexFile, events: EventRepository) -> None:
    await Recordings(index).add([record(T0 + 10 * MINUTE)])
    gone = event(T0, T0 + MINUTE)
    other = event(T0, T0 + MINUTE, camera="back", number=1)
    half = event(T0 + 9 * MINUTE, T0 + 10 * MINUTE + 1)
    lasts = event(T0 + 2 * MINUTE)
    later = event(T0 + 30 * MINUTE, T0 + 31 * MINUTE)
    await events.put([gone, other, half, lasts, later], bare)
    assert await events.without_footage("front", T0 + 20 * MINUTE, 10) == (gone,)
    await events.delete([gone.id])
    assert await events.without_footage("front", T0 + 20 * MINUTE, 10) == ()


async def test_events_are_found_by_what_happened_where(events: EventRepository) -> None:
    def did(start_us: int, *happenings: tuple[str, str]) -> Event:
        told = tuple(Happening(zone, HappeningKind(what), start_us) for what, zone in happenings)
        return replace(event(start_us, start_us + 1), zones=tuple({one.zone: None for one in told}), happenings=told)

    a = did(T0, ("enter", "yard"), ("leave", "yard"))
    b = did(T0 + MINUTE, ("enter", "yard"), ("loiter", "yard"), ("cross", "gate"))
    c = did(T0 + 2 * MINUTE, ("enter", "porch"), ("loiter", "porch"))
    await events.put([a, b, c], bare)
    assert await ids(events, happening=HappeningKind.LOITER) == [c.id, b.id]
    assert await ids(events, happening=HappeningKind.LOITER, zone="yard") == [b.id]
    assert await ids(events, happening=HappeningKind.CROSS, zone="yard") == []
    assert await ids(events, zone="gate") == [b.id]
    assert await ids(events, happening=HappeningKind.LEAVE) == [a.id]
