"""Thumbs: on events that last and that are over, with their facts, beyond the event itself."""

from dataclasses import replace
from pathlib import Path

import pytest

from guardian.index.engine import IndexFile, open_index
from guardian.index.snapshot import snapshot
from guardian.index.verdicts import KEPT_US, VerdictRepository
from guardian.model.errors import BadRequest, NotFound
from guardian.model.event import Attribute, Event, EventQuery, PathPoint
from guardian.model.messages import EventReport
from guardian.model.time import SECOND_US
from guardian.model.vision import Box
from guardian.services.event_details import EventDetails
from guardian.services.events import EventService
from guardian.vault.keyring import Keyring
from tests.support.recorded import MINUTE, T0, OwnClock, event

BOX = Box(0.25, 0.5, 0.5, 0.75)


@pytest.fixture
def clock() -> OwnClock:
    return OwnClock(T0 + 60 * MINUTE)


@pytest.fixture
def told() -> list[tuple[str, Event]]:
    return []


@pytest.fixture
def service(
    index: IndexFile, tmp_path: Path, clock: OwnClock, keyring: Keyring, told: list[tuple[str, Event]]
) -> EventService:
    return EventService(index, tmp_path, clock, keyring, lambda _: (5.0, 5.0), lambda *one: told.append(one))


@pytest.fixture
def verdicts(index: IndexFile) -> VerdictRepository:
    return VerdictRepository(index)


def seen(number: int = 0, at_us: int = T0) -> Event:
    return replace(event(at_us, number=number), snapshot_box=BOX, path=(PathPoint(at_us, BOX),))


async def happen(service: EventService, one: Event) -> Event:
    await service.report(EventReport("start", one))
    await service.report(EventReport("end", replace(one, end_us=one.start_us + 20 * SECOND_US)))
    return one


async def ids(service: EventService, verdict: str) -> list[str]:
    return [one.id for one in (await service.list(EventQuery(verdict=verdict)))[0]]


async def test_a_thumb_is_shown_filtered_changed_and_taken_back(
    service: EventService, told: list[tuple[str, Event]]
) -> None:
    one, other = await happen(service, seen(1)), await happen(service, seen(2))
    assert (await service.judge(one.id, "right")).verdict == "right"
    assert (told[-1][0], told[-1][1].verdict) == ("update", "right")
    assert (await ids(service, "right"), await ids(service, "none")) == ([one.id], [other.id])
    await service.judge(one.id, "wrong")
    assert (await service.get(one.id)).verdict == "wrong"
    assert (await ids(service, "right"), await ids(service, "wrong")) == ([], [one.id])
    assert [event.verdict for event in (await service.list(EventQuery()))[0]] == ["", "wrong"]
    await service.judge(one.id, "")
    assert (await service.get(one.id)).verdict == ""
    assert await ids(service, "wrong") == []


async def test_one_that_lasts_keeps_its_thumb_and_gets_its_last_facts(
    service: EventService, verdicts: VerdictRepository, told: list[tuple[str, Event]]
) -> None:
    one = seen()
    await service.report(EventReport("start", one))
    await service.judge(one.id, "wrong")
    await service.report(EventReport("update", replace(one, score=0.9)))
    assert told[-1][1].verdict == "wrong"
    await service.report(EventReport("end", replace(one, score=0.95, end_us=T0 + MINUTE)))
    (kept,) = await verdicts.all()
    assert (kept.verdict, kept.event.score, kept.event.end_us) == ("wrong", 0.95, T0 + MINUTE)
    assert (await service.get(one.id)).verdict == "wrong"


async def test_where_it_was_stays_sealed(
    service: EventService, index: IndexFile, verdicts: VerdictRepository, keyring: Keyring
) -> None:
    one = await happen(service, seen())
    await service.judge(one.id, "right")
    (kept,) = await verdicts.all()
    assert (kept.event.snapshot_box, kept.event.path) == (None, ())
    assert kept.details is not None
    assert b"box" not in kept.details
    assert EventDetails(keyring).opened(kept.event, kept.details).snapshot_box == BOX


async def test_retention_leaves_the_label_and_the_owner_takes_it_along(
    service: EventService, verdicts: VerdictRepository
) -> None:
    one, other = await happen(service, seen(1)), await happen(service, seen(2, T0 + MINUTE))
    for each in (one, other):
        await service.judge(each.id, "right")
    await service.delete(other.id)
    assert [kept.event.id for kept in await verdicts.all()] == [one.id]
    assert await service.drop_without_footage("front", T0 + 30 * MINUTE) == 1
    assert [(kept.event.id, kept.event.score) for kept in await verdicts.all()] == [(one.id, 0.8)]
    with pytest.raises(NotFound):
        await service.judge(one.id, "wrong")


async def test_a_label_goes_after_a_year(service: EventService, clock: OwnClock, verdicts: VerdictRepository) -> None:
    one = await happen(service, seen(1))
    await service.judge(one.id, "right")
    clock.forward(KEPT_US / SECOND_US + 1)
    other = await happen(service, seen(2, clock.utc_us))
    await service.judge(other.id, "right")
    assert [kept.event.id for kept in await verdicts.all()] == [other.id]


async def test_other_words_are_refused(service: EventService, verdicts: VerdictRepository) -> None:
    one = await happen(service, seen())
    with pytest.raises(BadRequest) as caught:
        await service.judge(one.id, "perhaps")
    assert caught.value.field == "verdict"
    assert caught.value.cure
    assert await verdicts.all() == ()


async def test_thumbs_are_in_a_backup(service: EventService, index: IndexFile, tmp_path: Path) -> None:
    one = await happen(service, seen())
    await service.judge(one.id, "wrong")
    snapshot(index.path, tmp_path / "copy.db")
    copied = await open_index(tmp_path / "copy.db")
    try:
        assert await VerdictRepository(copied).of([one.id]) == {one.id: "wrong"}
    finally:
        await copied.close()


async def test_what_classifiers_say_late_keeps_the_thumb_and_is_kept_with_it(
    service: EventService, verdicts: VerdictRepository, keyring: Keyring, told: list[tuple[str, Event]]
) -> None:
    one = await happen(service, seen())
    await service.judge(one.id, "wrong")
    said = (Attribute("upper colour", "red", 0.9),)
    await service.describe(one.id, "postman", said)
    assert (told[-1][1].verdict, told[-1][1].sub_label, told[-1][1].attributes) == ("wrong", "postman", said)
    (kept,) = await verdicts.all()
    assert kept.details is not None
    assert EventDetails(keyring).opened(kept.event, kept.details).attributes == said


async def test_a_thumb_leaves_what_classifiers_said(service: EventService, told: list[tuple[str, Event]]) -> None:
    one = await happen(service, seen())
    said = (Attribute("upper colour", "red", 0.9),)
    await service.describe(one.id, "postman", said)
    judged = await service.judge(one.id, "right")
    assert (judged.verdict, judged.sub_label, judged.attributes) == ("right", "postman", said)
    assert told[-1][1] == judged
    ((listed,), _) = await service.list(EventQuery(verdict="right"))
    assert (listed.verdict, listed.attributes, listed.path) == ("right", said, ())
