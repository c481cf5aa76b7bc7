"""Protection: kept in index, file and memory, and seen by events and retention."""

from dataclasses import replace
from pathlib import Path

import pytest

from guardian.index.engine import IndexFile
from guardian.index.events import EventRepository
from guardian.index.holds import HoldRepository
from guardian.index.recordings import Recordings
from guardian.model.errors import BadRequest, Conflict, NotFound
from guardian.model.event import Event, EventQuery
from guardian.model.messages import EventReport
from guardian.model.time import SECOND_US
from guardian.model.views import LASTING_US
from guardian.services.events import EventService
from guardian.services.holds import NAME, HoldService
from guardian.vault.keyring import Keyring
from tests.support.recorded import MINUTE, T0, OwnClock, bare, event, record


class House:
    def __init__(self, index: IndexFile, data_dir: Path, keyring: Keyring) -> None:
        self.index, self.data_dir, self.keyring = index, data_dir, keyring
        self.clock = OwnClock(T0 + 60 * MINUTE)
        self.told: list[tuple[str, Event]] = []
        self.start()

    def start(self) -> None:
        self.events = EventService(
            self.index,
            self.data_dir,
            self.clock,
            self.keyring,
            lambda _: (5.0, 7.5),
            lambda what, one: self.told.append((what, one)),
        )
        self.holds = HoldService(self.index, self.data_dir, self.clock, self.events)

    async def again(self) -> None:
        """As after a restart."""
        self.start()
        await self.events.end_left_open()
        await self.holds.load()


@pytest.fixture
def house(index: IndexFile, tmp_path: Path, keyring: Keyring) -> House:
    return House(index, tmp_path, keyring)


async def test_an_event_is_protected_with_the_footage_of_its_clip(house: House) -> None:
    one = event(T0, T0 + MINUTE)
    await EventRepository(house.index).put([one], bare)
    assert (await house.holds.hold_event(one.id)).protected
    assert (await house.holds.hold_event(one.id)).protected, "twice is once"
    (hold,) = await house.holds.list("front")
    assert (hold.start_us, hold.end_us, hold.event_id) == (T0 - 5_000_000, T0 + MINUTE + 7_500_000, one.id)
    assert (await house.events.list(EventQuery()))[0][0].protected
    assert [(what, told.protected) for what, told in house.told] == [("update", True)]
    with pytest.raises(Conflict, match="protected"):
        await house.events.delete(one.id)
    assert not (await house.holds.release_event(one.id)).protected
    await house.events.delete(one.id)
    assert await house.holds.list() == ()


async def test_who_listens_hears_of_what_is_protected(house: House) -> None:
    heard = []
    house.holds.protected = heard.append
    hold = await house.holds.hold("front", T0, T0 + MINUTE)
    await house.holds.hold("front", T0, T0 + MINUTE)
    assert heard == [hold], "the same span is told of once"
    await house.holds.release(hold.id)
    assert len(heard) == 1


async def test_an_event_that_goes_on_is_held_to_its_end(house: House) -> None:
    one = event(T0)
    await house.events.report(EventReport("start", one))
    await house.holds.hold_event(one.id)
    assert (await house.holds.list())[0].end_us == LASTING_US
    await house.events.report(EventReport("update", replace(one, score=0.9)))
    assert house.told[-1][1].protected
    await house.events.report(EventReport("end", replace(one, end_us=T0 + MINUTE)))
    await house.holds.event_ended(one.id)
    assert (await house.holds.list())[0].end_us == T0 + MINUTE + 7_500_000


async def test_one_that_a_crash_left_open_ends_at_the_next_start(house: House) -> None:
    one = event(T0)
    await house.events.report(EventReport("start", one))
    await house.holds.hold_event(one.id)
    await house.again()
    (hold,) = await house.holds.list()
    assert hold.end_us == T0 + 7_500_000
    assert (await HoldRepository(house.index).all()) == (hold,)


async def test_an_index_made_anew_learns_what_is_protected_from_the_file(house: House) -> None:
    hold = await house.holds.hold("front", T0, T0 + MINUTE)
    other = await house.holds.hold("front", T0 + 5 * MINUTE, T0 + 6 * MINUTE)
    await house.holds.release(other.id)
    await HoldRepository(house.index).delete(hold.id)
    await house.again()
    assert await house.holds.list() == (hold,)
    assert await HoldRepository(house.index).all() == (hold,)
    (house.data_dir / NAME).write_bytes(b"{")
    await house.again()
    assert await house.holds.list() == (hold,), "a damaged file costs nothing while the index is there"


async def test_spans_are_checked_and_asked_by_time(house: House) -> None:
    with pytest.raises(BadRequest) as raised:
        await house.holds.hold("front", T0, T0)
    assert raised.value.field == "end"
    with pytest.raises(BadRequest, match="31 days"):
        await house.holds.hold("front", T0, T0 + 32 * 86_400 * SECOND_US)
    with pytest.raises(NotFound):
        await house.holds.release("unknown")
    with pytest.raises(NotFound):
        await house.holds.hold_event("unknown")
    one = await house.holds.hold("front", T0, T0 + MINUTE)
    assert await house.holds.hold("front", T0, T0 + MINUTE) == one
    assert await house.holds.list("front", T0 + MINUTE, T0 + 2 * MINUTE) == ()
    assert await house.holds.list("back") == ()
    assert await house.holds.list("front", T0 + MINUTE - 1, T0 + 2 * MINUTE) == (one,)


async def test_retention_does_not_see_what_is_held(house: House) -> None:
    recordings = Recordings(house.index)
    await recordings.add([record(T0 + n * MINUTE) for n in range(5)])
    await recordings.add([record(T0 + n * MINUTE, "back") for n in range(5)])
    await house.holds.hold("front", T0 + MINUTE + 1, T0 + 3 * MINUTE)
    free = [(one.header.start_utc_us - T0) // MINUTE for one in await recordings.oldest("front", "main", 10)]
    assert free == [0, 3, 4]
    assert len(await recordings.oldest("back", "main", 10)) == 5
    assert await recordings.held_bytes() == {"front": 2000}


async def test_a_protected_event_without_footage_stays(house: House) -> None:
    one, two = event(T0, T0 + 1, number=1), event(T0, T0 + 1, number=2)
    await EventRepository(house.index).put([one, two], bare)
    await house.holds.hold_event(one.id)
    assert await house.events.drop_without_footage("front", T0 + MINUTE) == 1
    assert (await house.events.get(one.id)).protected
