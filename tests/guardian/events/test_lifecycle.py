"""One visit is one event: played with tracks as a tracker gives them, five a second."""

from dataclasses import replace

import pytest

from guardian.events.lifecycle import EventLifecycle, EventRules
from guardian.model.label_rule import LabelRule
from guardian.model.schedule import Schedule, window_of
from guardian.model.vision import Box, Track
from guardian.model.zone import Line, Zone

THRESHOLD = 0.42
LABELS = frozenset({"person", "cat", "dog", "car", "bicycle", "vehicle"})
RULES = EventRules(LABELS)


def box(x, y=0.5, w=0.1, h=0.4):
    return Box(x - w / 2, y - h / 2, x + w / 2, y + h / 2)


class Play:
    """Plays tracks to a lifecycle and writes down what it tells."""

    def __init__(self, rules=RULES):
        self.t, self.reports, ids = 0.0, [], iter(range(1000))
        self.life = EventLifecycle("front", rules, lambda: f"event-{next(ids)}")
        self.pictures = []

    @property
    def now(self):
        return round(self.t * 1e6)

    def see(self, *tracks, seconds=0.2):
        """Show the same tracks for some time; a track is (id, label, box, score)."""
        for _ in range(round(seconds / 0.2)):
            self.life.update(self.now, [Track(i, label, score, b, 1, 0) for i, label, b, score in tracks], THRESHOLD)
            for wish in self.life.wishes(self.now):
                self.pictures.append((self.t, wish))
                self.life.picture_kept(wish, self.now, f"front/{wish.event_id}.pgp")
            self.reports += self.life.reports()
            self.t = round(self.t + 0.2, 3)
        return self

    def walk(self, id, start, stop, seconds, label="person", score=0.6, y=0.5):
        steps = round(seconds / 0.2)
        for i in range(steps):
            self.see((id, label, box(start + (stop - start) * i / max(1, steps - 1), y), score))
        return self

    def nothing(self, seconds):
        for _ in range(round(seconds / 0.2)):
            self.life.tick(self.now)
            self.reports += self.life.reports()
            self.t = round(self.t + 0.2, 3)
        return self

    def told(self, *what):
        return [(r.what, r.event.id) for r in self.reports if r.what in (what or ("start", "end"))]

    @property
    def events(self):
        return list({r.event.id: r.event for r in self.reports}.values())


def test_a_visit_starts_at_its_first_sight_and_ends_at_its_last():
    play = Play().nothing(1).walk(1, 0.1, 0.9, 4).nothing(6)
    assert play.told() == [("start", "event-0"), ("end", "event-0")]
    (event,) = play.events
    assert (event.start_us, event.end_us) == (1_000_000, 4_800_000)
    assert event.score == 0.6


def test_the_start_is_told_within_a_second_with_its_picture():
    play = Play().walk(1, 0.1, 0.4, 1)
    start = play.reports[0]
    assert (start.what, start.event.snapshot) == ("start", "front/event-0.pgp")
    assert start.event.end_us is None


def test_a_flicker_is_no_event():
    assert Play().walk(1, 0.5, 0.5, 0.4).nothing(6).reports == []


def test_a_weak_sight_is_no_event_however_long():
    assert Play().walk(1, 0.3, 0.6, 10, score=0.44).nothing(6).reports == []
    assert Play(replace(RULES, event_min_score=0.43)).walk(1, 0.3, 0.6, 10, score=0.44).reports != []


def test_other_labels_are_no_events():
    assert Play().walk(1, 0.3, 0.6, 3, label="boat").reports == []


def test_updates_come_once_a_second():
    play = Play().walk(1, 0.1, 0.9, 10)
    assert 8 <= len(play.told("update")) <= 10


def test_a_switch_of_ids_goes_on_with_the_event():
    play = Play().walk(1, 0.1, 0.5, 3).walk(2, 0.52, 0.9, 3).nothing(6)
    assert play.told() == [("start", "event-0"), ("end", "event-0")]
    assert play.events[0].end_us == 5_800_000


def test_a_loss_of_three_seconds_goes_on_with_the_event():
    play = Play().walk(1, 0.1, 0.5, 3).nothing(3).walk(2, 0.55, 0.9, 3).nothing(6)
    assert len(play.events) == 1


def test_another_who_enters_elsewhere_is_another_visit():
    play = Play().walk(1, 0.3, 0.95, 3).nothing(1.8).walk(2, 0.25, 0.5, 3).nothing(6)
    assert len(play.events) == 2


def test_who_comes_back_after_the_end_is_a_new_visit():
    play = Play().walk(1, 0.1, 0.5, 3).nothing(5.5).walk(2, 0.5, 0.9, 3).nothing(6)
    assert play.told() == [("start", "event-0"), ("end", "event-0"), ("start", "event-1"), ("end", "event-1")]


def test_two_at_once_are_two_events():
    play = Play().see((1, "person", box(0.2), 0.6), (2, "person", box(0.8), 0.6), seconds=2).nothing(6)
    assert len(play.events) == 2


def test_a_part_of_a_thing_is_no_second_event():
    play = Play().see((1, "person", box(0.5), 0.6), seconds=2)
    play.see((1, "person", box(0.5), 0.6), (2, "person", box(0.5, 0.6, 0.08, 0.15), 0.6), seconds=2).nothing(6)
    assert len(play.events) == 1


def test_one_thing_named_twice_is_one_event():
    play = Play().walk(1, 0.1, 0.4, 2, "cat").walk(2, 0.42, 0.8, 2, "dog").nothing(6)
    assert len(play.events) == 1


def test_a_parked_car_is_no_event_and_one_that_comes_is():
    assert Play().see((1, "car", box(0.5, w=0.3, h=0.2), 0.9), seconds=30).reports == []
    play = Play()
    for i in range(10):
        play.see((1, "car", box(0.2 + 0.05 * i, w=0.3, h=0.2), 0.9))
    assert play.told() == [("start", "event-0")]


def test_a_car_that_parks_ends_its_event_and_starts_none_while_it_stays():
    parked = box(0.65, w=0.3, h=0.2)
    play = Play()
    for i in range(10):
        play.see((1, "car", box(0.2 + 0.05 * i, w=0.3, h=0.2), 0.9))
    play.see((1, "car", parked, 0.9), seconds=200)
    assert play.told() == [("start", "event-0"), ("end", "event-0")]
    play.nothing(3600).see((2, "vehicle", parked, 0.9), seconds=20)
    assert len(play.events) == 1
    left_at = play.now
    for i in range(10):
        play.see((2, "vehicle", box(0.65 - 0.05 * i, w=0.3, h=0.2), 0.9))
    play.nothing(6)
    assert len(play.events) == 2
    assert left_at <= play.events[1].start_us <= left_at + 1_500_000


def test_someone_asleep_does_not_keep_an_event_for_hours():
    play = Play().see((1, "person", box(0.5), 0.6), seconds=1800)
    (event,) = play.events
    assert play.told() == [("start", "event-0"), ("end", "event-0")]
    assert event.end_us == pytest.approx(600e6, abs=1e6)
    assert play.life.quiet_tracks(play.now) == {1}


def test_a_person_who_keeps_moving_stays_one_event():
    play = Play()
    for _ in range(40):
        play.walk(1, 0.3, 0.7, 10).walk(1, 0.7, 0.3, 10)
    play.nothing(6)
    assert play.told() == [("start", "event-0"), ("end", "event-0")]
    assert len(play.events[0].path) <= 3600


def test_zones_are_told_and_may_be_required():
    door = Zone("door", ((0.6, 0.0), (1.0, 0.0), (1.0, 1.0), (0.6, 1.0)))
    rules = replace(RULES, zones=(door,))
    assert Play(rules).walk(1, 0.1, 0.9, 4).nothing(6).events[0].zones == ("door",)
    assert Play(rules).walk(1, 0.1, 0.5, 4).nothing(6).events[0].zones == ()
    assert Play(replace(rules, require_zone=True)).walk(1, 0.1, 0.5, 4).nothing(6).reports == []
    cats = replace(rules, zones=(replace(door, labels=frozenset({"cat"})),), require_zone=True)
    assert Play(cats).walk(1, 0.1, 0.9, 4).nothing(6).reports == []


def test_a_better_moment_replaces_the_picture_but_not_every_one_does():
    play = Play().walk(1, 0.3, 0.35, 2, score=0.5).walk(1, 0.35, 0.5, 2, score=0.7).walk(1, 0.5, 0.6, 4, score=0.71)
    assert [wish.quality for _, wish in play.pictures] == pytest.approx(
        [0.5 * (0.04 / 0.05) ** 0.25, 0.7 * 0.8**0.25], rel=1e-3
    )
    assert play.events[0].snapshot_box is not None


def test_closing_ends_what_goes_on_where_it_was_last_seen():
    play = Play().walk(1, 0.1, 0.5, 3)
    play.life.close()
    (end,) = play.life.reports()
    assert (end.what, end.event.end_us) == ("end", 2_800_000)
    assert not play.life.active


@pytest.mark.parametrize(("comes_up", "same"), [(0.8, True), (0.75, True), (0.55, False)])
@pytest.mark.parametrize("mirrored", [False, True])
def test_who_left_at_a_side_and_comes_up_away_from_it_is_another_visit(comes_up, same, mirrored):
    def at(x):
        return 1 - x if mirrored else x

    play = Play()
    play.walk(1, at(0.5), at(0.95), 3)
    play.nothing(3.4)
    play.see((2, "person", box(at(comes_up), w=0.4), 0.6), seconds=3)
    play.nothing(6)
    assert len(play.told("start")) == (1 if same else 2)


DOOR = Zone("door", ((0.6, 0.0), (1.0, 0.0), (1.0, 1.0), (0.6, 1.0)), loiter_us=5_000_000)
GATE = Line("gate", (0.5, 0.1), (0.5, 0.95))


def happened(event):
    return [(one.what.value, one.zone, one.direction) for one in event.happenings]


def test_what_happens_at_zones_and_lines_is_part_of_the_event():
    play = Play(replace(RULES, zones=(DOOR,), lines=(GATE,)))
    (event,) = play.walk(1, 0.1, 0.8, 4).see((1, "person", box(0.8), 0.6), seconds=6).walk(1, 0.8, 0.1, 4).nothing(6).events
    assert happened(event) == [
        ("cross", "gate", "left"),
        ("enter", "door", ""),
        ("loiter", "door", ""),
        ("leave", "door", ""),
        ("cross", "gate", "right"),
    ]
    assert event.zones == ("gate", "door")


def test_who_goes_into_the_house_leaves_the_zone_when_last_seen():
    (event,) = Play(replace(RULES, zones=(DOOR,))).walk(1, 0.1, 0.8, 4).nothing(6).events
    assert happened(event) == [("enter", "door", ""), ("leave", "door", "")]
    assert event.happenings[-1].utc_us == event.end_us


def test_a_switch_of_ids_neither_leaves_nor_enters():
    play = Play(replace(RULES, zones=(replace(DOOR, loiter_us=0),), lines=(GATE,)))
    play.walk(1, 0.1, 0.7, 3).nothing(2).walk(2, 0.72, 0.9, 3).nothing(6)
    (event,) = play.events
    assert happened(event) == [("cross", "gate", "left"), ("enter", "door", ""), ("leave", "door", "")]


def test_a_second_box_on_one_thing_does_not_make_it_flap():
    play = Play(replace(RULES, zones=(Zone("low", ((0, 0.68), (1, 0.68), (1, 1), (0, 1))),)))
    whole, legs = (1, "person", box(0.5), 0.6), (2, "person", box(0.5, 0.45, 0.08, 0.2), 0.6)  # its feet are outside
    play.see(whole, seconds=2)
    for _ in range(20):
        play.see(legs, whole)
    play.nothing(6)
    assert happened(play.events[0]) == [("enter", "low", ""), ("leave", "low", "")]


@pytest.mark.parametrize(
    ("zones", "lines", "starts"),
    [
        ((replace(DOOR, makes_event="enter"),), (), 1),
        ((replace(DOOR, makes_event="loiter"),), (), 0),
        ((replace(DOOR, makes_event="never"),), (GATE,), 1),
        ((replace(DOOR, makes_event="never"),), (replace(GATE, direction="right"),), 0),
    ],
)
def test_an_event_only_for_what_makes_one(zones, lines, starts):
    rules = replace(RULES, zones=zones, lines=lines, require_zone=True)
    assert len(Play(rules).walk(1, 0.1, 0.8, 4).nothing(6).told("start")) == starts


def test_who_loiters_makes_an_event_that_began_with_the_first_sight():
    rules = replace(RULES, zones=(replace(DOOR, makes_event="loiter"),), require_zone=True)
    play = Play(rules).walk(1, 0.1, 0.8, 4).see((1, "person", box(0.8), 0.6), seconds=8).nothing(6)
    (event,) = play.events
    assert event.start_us == 0
    assert happened(event)[:2] == [("enter", "door", ""), ("loiter", "door", "")]


def test_rules_of_a_label():
    rules = replace(RULES, per_label={"cat": LabelRule(event_min_score=0.7, min_sights=10)})
    assert Play(rules).walk(1, 0.1, 0.9, 4, "cat", score=0.65).reports == []
    assert Play(rules).walk(1, 0.1, 0.5, 1.6, "cat", score=0.75).nothing(6).reports == []
    assert len(Play(rules).walk(1, 0.1, 0.9, 4, "cat", score=0.75).events) == 1
    assert len(Play(rules).walk(1, 0.1, 0.9, 1, "person", score=0.65).events) == 1
    longer = replace(RULES, per_label={"person": LabelRule(min_us=3_000_000, min_score=0.3)})
    assert Play(longer).walk(1, 0.1, 0.5, 2.8).nothing(6).reports == []
    assert len(Play(longer).walk(1, 0.1, 0.9, 4, score=0.36).events) == 1  # a little above its own threshold


def test_no_event_begins_outside_the_hours_and_one_that_began_goes_on():
    hours = replace(RULES, schedule=Schedule((window_of("00:00-00:01"),)))  # the first minute of 1970
    play = Play(hours).nothing(58).walk(1, 0.1, 0.9, 6).nothing(8)
    assert play.told() == [("start", "event-0"), ("end", "event-0")]
    assert play.events[0].end_us > 60_000_000
    assert play.walk(2, 0.1, 0.9, 6).nothing(6).told("start") == [("start", "event-0")]


def test_who_is_there_when_the_hours_begin_makes_an_event_then():
    hours = replace(RULES, schedule=Schedule((window_of("00:01-23:00"),)))
    play = Play(hours).nothing(30)
    for _ in range(6):
        play.walk(1, 0.1, 0.9, 5).walk(1, 0.9, 0.1, 5)
    (event,) = play.events
    assert 59_000_000 <= event.start_us <= 61_000_000


def test_a_car_that_parked_before_the_hours_makes_no_event_when_they_begin():
    hours = replace(RULES, schedule=Schedule((window_of("00:05-23:00"),)))
    play = Play(hours)
    for i in range(10):
        play.see((1, "car", box(0.2 + 0.05 * i, w=0.3, h=0.2), 0.9))
    play.see((1, "car", box(0.65, w=0.3, h=0.2), 0.9), seconds=600)
    assert play.reports == []


def test_rules_may_be_replaced_while_an_event_goes_on():
    play = Play(replace(RULES, zones=(DOOR,))).walk(1, 0.1, 0.8, 4)
    play.life.use_rules(replace(RULES, zones=(replace(DOOR, name="porch"),)))
    play.walk(1, 0.8, 0.9, 2).nothing(6)
    assert play.told() == [("start", "event-0"), ("end", "event-0")]
    assert play.events[0].zones == ("door", "porch")


def test_re_entry_into_a_zone_within_seconds_is_the_same_visit():
    rules = replace(RULES, zones=(DOOR,), require_zone=True)
    play = Play(rules).walk(1, 0.1, 0.8, 4).walk(1, 0.8, 0.3, 3).nothing(3).walk(2, 0.32, 0.8, 3).nothing(6)
    (event,) = play.events
    assert [what for what, _, _ in happened(event)] == ["enter", "leave", "enter", "leave"]


def test_who_stands_still_where_loitering_makes_an_event_is_not_quiet_before():
    loiter = replace(DOOR, loiter_us=30_000_000, makes_event="loiter")
    rules, still = replace(RULES, zones=(loiter,), require_zone=True), (1, "person", box(0.8), 0.6)
    play = Play(rules).see(still, seconds=20)
    assert (play.life.quiet_tracks(play.now), play.reports) == (frozenset(), [])
    play.see(still, seconds=15)
    assert play.told() == [("start", "event-0")]
    assert play.life.quiet_tracks(play.now) == {1}
    closed = replace(rules, schedule=Schedule((window_of("12:00-13:00"),)))
    play = Play(closed).see(still, seconds=20)
    assert play.life.quiet_tracks(play.now) == {1}, "nothing may happen at this hour"


def test_an_event_begins_when_its_thing_came_not_when_it_was_believed():
    play = Play()
    play.t = 10.0
    play.life.update(play.now, [Track(1, "person", 0.6, box(0.3), 1, 0)], THRESHOLD, {1: play.now - 1_400_000})
    play.t += 0.2
    assert play.walk(1, 0.31, 0.33, 0.2).told() == [], "two sights are too few, however long ago it came"
    play.walk(1, 0.34, 0.6, 2)
    assert [r.event.start_us for r in play.reports if r.what == "start"] == [8_600_000]
