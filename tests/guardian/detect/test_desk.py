"""Whose turn it is, and what the account of each says."""

from __future__ import annotations

from guardian.detect.desk import Desk, Seat
from guardian.platform.clock import SystemClock


def account_of(desk, name):
    (found,) = (account for account in desk.accounts() if account.camera == name)
    return found.asked, found.answered, found.skipped, found.failed


def test_seats_take_turns_each_its_oldest_first():
    desk, door, yard = Desk(SystemClock()), Seat("door"), Seat("yard")
    for request in ("d1", "d2"):
        desk.put(door, request)
    desk.put(yard, "y1")
    assert [desk.take()[1] for _ in range(3)] == ["d1", "y1", "d2"]


def test_of_what_waits_too_long_the_oldest_falls_out():
    desk, door = Desk(SystemClock()), Seat("door")
    assert [desk.put(door, number) for number in range(4)] == [None, None, 0, 1]
    assert desk.dropped == 2
    assert account_of(desk, "door") == (4, 0, 2, 0)


def test_every_request_is_on_the_account_of_who_asked_though_its_pictures_went():
    desk, door = Desk(SystemClock()), Seat("door")
    for number in range(5):
        desk.put(door, number)
    seat, _, waited_s = desk.take()
    desk.done(seat, waited_s, 0.1, failed=True)
    assert desk.forget(door) == (4,)
    assert account_of(desk, "door") == (5, 0, 4, 1)
    assert desk.forget(door) == ()


def test_a_name_that_nobody_gave_has_no_account():
    desk = Desk(SystemClock())
    desk.forget(Seat())
    assert desk.accounts() == ()


def test_a_worker_goes_once_it_is_not_wanted():
    desk = Desk(SystemClock())
    desk.put(Seat("door"), 1)
    assert desk.take(lambda: False) is None
    desk.close()
    assert desk.take() is not None
    assert desk.take() is None
