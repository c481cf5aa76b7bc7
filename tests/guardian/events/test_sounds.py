"""Sounds become events: heard again within a while is one, labels choose, what was told already is not told again."""

from itertools import count

from guardian.events.sounds import SoundEvents
from guardian.model.event import EventState
from guardian.model.sound import Sound

S = 1_000_000


def events(labels=(), end_after_s=8):
    ids = count(1)
    return SoundEvents("hall", frozenset(labels), end_after_s * S, lambda: f"e{next(ids)}")


def told(one):
    return [(r.what, r.event.label, r.event.start_us // S, r.event.end_us and r.event.end_us // S) for r in one.reports()]


def test_a_sound_that_comes_again_within_a_while_is_one_event():
    one = events()
    one.hear([Sound("bark", 0.5, 10 * S, 11 * S)])
    one.hear([Sound("bark", 0.7, 15 * S, 16 * S)])
    one.tick(23 * S)
    assert told(one) == [("start", "bark", 10, None), ("update", "bark", 10, None)]
    one.tick(24 * S)
    assert [(r.what, r.event.state, r.event.end_us, r.event.score) for r in one.reports()] == [
        ("end", EventState.ENDED, 16 * S, 0.7)
    ]


def test_a_sound_after_a_while_is_another_event():
    one = events()
    one.hear([Sound("loud", 0.5, 10 * S, 11 * S)])
    one.tick(19 * S)
    one.hear([Sound("loud", 0.5, 20 * S, 21 * S)])
    assert [what for what, *_ in told(one)] == ["start", "end", "start"]


def test_updates_come_at_most_once_a_second():
    one = events()
    one.hear([Sound("loud", 0.5, 10 * S, 11 * S)])
    for tenth in range(1, 31):
        one.hear([Sound("loud", 0.5, 10 * S, 11 * S + tenth * S // 10)])
        one.tick(11 * S + tenth * S // 10)
    assert [what for what, *_ in told(one)] == ["start", "update", "update", "update"]


def test_labels_choose_what_makes_events():
    one = events(labels={"smoke_alarm"})
    one.hear([Sound("loud", 0.9, 0, S), Sound("smoke_alarm", 0.9, 0, S)])
    assert [label for _, label, *_ in told(one)] == ["smoke_alarm"]


def test_two_sounds_at_once_are_two_events_and_end_at_the_close():
    one = events()
    one.hear([Sound("bark", 0.5, 0, S), Sound("loud", 0.5, 0, 2 * S)])
    one.close()
    assert told(one)[2:] == [("end", "bark", 0, 1), ("end", "loud", 0, 2)]


def test_what_has_ended_is_not_told_again():
    one = events()
    one.hear([Sound("smoke_alarm", 0.9, 0, 10 * S)])
    one.tick(18 * S)
    one.reports()
    one.hear([Sound("smoke_alarm", 0.9, 0, 10 * S)])
    assert told(one) == []
    one.hear([Sound("smoke_alarm", 0.95, 0, 22 * S)])
    assert told(one) == [("start", "smoke_alarm", 10, None)]
