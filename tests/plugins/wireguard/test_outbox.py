"""What happened waits on the disk, in order and bounded; nothing is doubled, hidden or numbered twice."""

import pytest
from guardian_wireguard.outbox import Of, Outbox

from guardian.protocol.v1 import events_pb2 as events
from tests.support.relay import NOW_MS, event

NOW_US = NOW_MS * 1000
DAY_US = 86_400_000_000
CAMERA, OTHER = b"c" * 16, b"d" * 16


@pytest.fixture
def outbox(tmp_path):
    one = Outbox(tmp_path / "outbox.db", 1_000_000, NOW_US)
    yield one
    one.close()


def put(outbox, number, camera=CAMERA, **fields):
    outbox.put(camera, lambda serial: event(number, **({"serial": serial, "camera": camera} | fields)))


def numbers(batch):
    return [int.from_bytes(one.id) for one in batch]


def test_serials_grow_by_one_for_each_camera(outbox):
    for number, camera in enumerate([CAMERA, OTHER, CAMERA, CAMERA, OTHER]):
        put(outbox, number, camera)
    first, batch = outbox.after(0)
    assert first == NOW_US
    assert [one.serial for one in batch if one.camera == CAMERA] == [1, 2, 3]
    assert [one.serial for one in batch if one.camera == OTHER] == [1, 2]


def test_it_outlives_a_kill_and_what_was_acknowledged_is_forgotten(outbox, tmp_path):
    for number in range(5):
        put(outbox, number)
    outbox.acknowledged(NOW_US + 1)
    again = Outbox(tmp_path / "outbox.db", 1_000_000, NOW_US + 999)  # the first one was never closed
    assert again.oldest() == NOW_US + 2
    assert numbers(again.after(0)[1]) == [2, 3, 4]
    put(again, 9)
    assert again.after(NOW_US + 4)[0] == NOW_US + 5
    assert again.after(NOW_US + 4)[1][0].serial == 6
    again.close()


def test_an_older_copy_that_was_put_back_numbers_what_it_has_anew(outbox):
    """The relay has seen places beyond all that this copy knows of: they were other events."""
    for number in range(3):
        put(outbox, number)
    outbox.acknowledged(NOW_US + 500)
    assert numbers(outbox.after(NOW_US + 500)[1]) == [0, 1, 2]
    put(outbox, 3)
    first, batch = outbox.after(NOW_US + 500)
    assert (first, numbers(batch)) == (NOW_US + 501, [0, 1, 2, 3])
    outbox.acknowledged(NOW_US + 504)
    assert outbox.waiting().events == 0


def test_a_full_outbox_drops_changes_first_then_the_oldest(tmp_path):
    outbox = Outbox(tmp_path / "outbox.db", 5 * 4300, NOW_US)
    for number in range(6):
        put(outbox, number, kind=events.KIND_CLASS_CHANGE if number in (2, 4) else events.KIND_CLASS_ALERT)
    found = []
    place = 0
    while batch := outbox.after(place)[1]:  # batches end at a gap
        found += numbers(batch)
        place = outbox.after(place)[0] + len(batch) - 1
    assert found == [0, 1, 3, 4, 5]
    for number in range(6, 9):
        put(outbox, number)
    assert outbox.waiting().dropped == 4
    assert numbers(outbox.after(0)[1])[0] == 3
    outbox.close()


def test_batches_are_bounded(outbox):
    big = Outbox(outbox_path := _path(outbox), 100_000_000, NOW_US)
    assert outbox_path.stat().st_mode & 0o077 == 0
    for number in range(40):
        put(big, number, sealed=bytes(65536), size=events.SIZE_CLASS_64K)
    _, batch = big.after(0)
    assert 1 < len(batch) <= 16
    big.close()


def _path(outbox):
    from pathlib import Path

    return Path(outbox._db.execute("PRAGMA database_list").fetchone()[2])


def test_health_goes_before_any_event_does(tmp_path):
    outbox = Outbox(tmp_path / "outbox.db", 50_000, NOW_US)
    for number in range(20):
        outbox.put_health(bytes([number]) * 1000)
    for number in range(15):
        put(outbox, number, kind=events.KIND_CLASS_ALERT if number else events.KIND_CLASS_CHANGE)
        if number == 8:
            assert 5 < len(outbox.health()) < 20, "what is left has room"
            assert outbox.waiting().dropped == 0
    assert outbox.health() == []
    assert 0 not in numbers(outbox.after(0)[1]), "then changes"
    outbox.put_health(bytes(1000))
    assert outbox.health() == [], "an event is worth more than any health"
    outbox.close()


def test_health_has_a_bound_of_its_own(outbox, monkeypatch):
    monkeypatch.setattr("guardian_wireguard.outbox.MOST_HEALTH", 3)
    for number in range(5):
        outbox.put_health(bytes([number]))
    assert [body for _, body in outbox.health()] == [b"\x02", b"\x03", b"\x04"]


def test_each_start_and_end_is_taken_once(outbox):
    of = Of("an event", "start", NOW_US)
    for _ in range(2):
        outbox.put(CAMERA, lambda serial: event(1, serial=serial), of)
    outbox.put(CAMERA, lambda serial: event(2, serial=serial), Of("an event", "end", NOW_US))
    assert numbers(outbox.after(0)[1]) == [1, 2]
    assert (outbox.has("an event", "start"), outbox.has("another", "start")) == (True, False)
    assert [one.serial for one in outbox.after(0)[1]] == [1, 2], "a serial is not used up by what was there"


def test_what_was_taken_is_remembered_for_two_days(outbox, monkeypatch):
    monkeypatch.setattr("guardian_wireguard.outbox.PRUNE_EVERY", 2)
    assert outbox.settled_us() == NOW_US
    for days in (0, 1, 2, 3):
        outbox.put(
            CAMERA, lambda serial, days=days: event(days, serial=serial), Of(f"{days}", "start", NOW_US + days * DAY_US)
        )
    assert outbox.settled_us() == NOW_US + DAY_US
    assert [outbox.has(f"{days}", "start") for days in (0, 1, 2, 3)] == [False, True, True, True]


def test_the_starts_that_the_relay_may_have_heard_last_are_named(tmp_path):
    runs = []
    for _ in range(3):
        one = Outbox(tmp_path / "outbox.db", 1_000_000, NOW_US)
        runs.append(one.run)
        one.runs()
        one.close()
    assert len(set(runs)) == 3
    one = Outbox(tmp_path / "outbox.db", 1_000_000, NOW_US)
    assert one.runs() == tuple(runs), "none of them was heard"
    one.heard(runs[1])
    assert one.runs() == (runs[1],)
    one.heard(one.run)
    one.close()
    again = Outbox(tmp_path / "outbox.db", 1_000_000, NOW_US)
    assert again.runs() == (one.run,)
    again.close()
