"""Tracks in, events out: one visit of one thing is one event."""

import itertools

import pytest

from guardian.events.lifecycle import MOST_PATH_POINTS, EventLifecycle, EventRules
from guardian.model.event import EventState
from guardian.model.vision import Box, Track
from guardian.model.zone import Zone

S = 1_000_000
T0 = 1_800_000_000 * S
STEP = S // 5
RULES = EventRules(frozenset({"person", "cat", "dog", "car", "vehicle"}), event_min_score=0.5)
LEFT = Zone("left", ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)))


def at(x, y=0.5, width=0.1, height=0.3):
    return Box(x, y, x + width, y + height)


def seen(id, box, label="person", score=0.7):
    return Track(id, label, score, box, 1, 0)


def missed(id, box, label="person"):
    return Track(id, label, 0.7, box, 1, 1)


class Scene:
    """Feeds a lifecycle five times a second and keeps what it says."""

    def __init__(self, rules=RULES):
        self.ids = iter(f"e{number}" for number in range(1, 100))
        self.life = EventLifecycle("front", rules, lambda: next(self.ids))
        self.now, self.told = T0, []

    def show(self, *tracks, threshold=0.4):
        self.life.update(self.now, tracks, threshold)
        self.told += [(self.now, report) for report in self.life.reports()]
        self.now += STEP

    def walk(self, id, seconds, start=0.1, speed=0.05, **track):
        for index in range(round(seconds * 5)):
            self.show(seen(id, at(start + speed * index / 5), **track))

    def nothing(self, seconds):
        for _ in range(round(seconds * 5)):
            self.show()

    def whats(self, id="e1"):
        return [report.what for _, report in self.told if report.event.id == id]

    @property
    def events(self):
        return list({report.event.id: report.event for _, report in self.told}.values())


def test_a_visit_starts_at_the_first_sight_and_ends_at_the_last():
    scene = Scene()
    scene.walk(1, 4.0)
    scene.nothing(6.0)
    (event,) = scene.events
    assert (event.start_us, event.end_us) == (T0, T0 + 19 * STEP)
    assert (event.state, event.label, event.camera) == (EventState.ENDED, "person", "front")
    assert scene.whats() == ["start", "update", "update", "update", "update", "end"]


def test_updates_come_once_a_second_and_carry_the_path():
    scene = Scene()
    scene.walk(1, 10.0, speed=0.02)
    updates = [(now, report) for now, report in scene.told if report.what == "update"]
    assert all(b[0] - a[0] >= S for a, b in itertools.pairwise(updates))
    times = [point.utc_us for point in updates[-1][1].event.path]
    assert times[0] == T0
    assert all(330_000 <= b - a <= 500_000 for a, b in itertools.pairwise(times))


@pytest.mark.parametrize(
    ("tracks", "rules", "why"),
    [
        ([seen(1, at(0.1))] * 2, RULES, "two frames are a flicker"),
        ([seen(1, at(0.1), score=0.45)] * 20, RULES, "never clearly seen"),
        ([seen(1, at(0.1), label="cattle")] * 20, RULES, "a label nobody asked for"),
        ([seen(1, at(0.1), label="car")] * 20, RULES, "a car that stands there"),
        ([seen(1, at(0.1))] * 10, EventRules(RULES.labels, 0.5, min_us=3 * S), "too short"),
        ([seen(1, at(0.7))] * 20, EventRules(RULES.labels, 0.5, zones=(LEFT,), require_zone=True), "outside every zone"),
    ],
)
def test_what_makes_no_event(tracks, rules, why):
    scene = Scene(rules)
    for track in tracks:
        scene.show(track)
    scene.nothing(8.0)
    assert scene.events == [], why


def test_a_sight_missed_by_the_tracker_is_no_sight():
    scene = Scene()
    scene.walk(1, 2.0)
    for _ in range(5):
        scene.show(missed(1, at(0.2)))
    scene.nothing(6.0)
    assert scene.events[0].end_us == T0 + 9 * STEP


@pytest.mark.parametrize(("gap_s", "jump", "events"), [(3.0, 0.0, 1), (4.6, 0.05, 1), (6.0, 0.0, 2), (2.0, 0.6, 2)])
def test_a_thing_lost_for_a_while_goes_on_where_it_was(gap_s, jump, events):
    scene = Scene(EventRules(RULES.labels, 0.5, end_after_us=6 * S))
    scene.walk(1, 2.0, speed=0.0)
    scene.nothing(gap_s)
    scene.walk(2, 2.0, start=0.1 + jump, speed=0.0)
    scene.nothing(8.0)
    assert len(scene.events) == events


def test_an_id_switch_makes_no_second_event():
    scene = Scene()
    scene.walk(1, 3.0, speed=0.0)
    scene.walk(2, 3.0, speed=0.0)
    for _ in range(10):
        scene.show(seen(2, at(0.1)), seen(3, at(0.11)))
    scene.nothing(6.0)
    assert len(scene.events) == 1


def test_two_people_are_two_events():
    scene = Scene()
    for index in range(20):
        scene.show(seen(1, at(0.1 + index * 0.01)), seen(2, at(0.7 - index * 0.01)))
    assert len(scene.events) == 2


@pytest.mark.parametrize(
    ("first", "second", "label"),
    [
        (("person", 0.8), ("dog", 0.55), "person"),
        (("dog", 0.55), ("person", 0.8), "person"),
        (("cat", 0.6), ("dog", 0.5), "cat"),
    ],
)
def test_two_names_for_one_thing_make_one_event_of_the_better_name(first, second, label):
    scene = Scene()
    for index in range(20):
        box = at(0.1 + index * 0.01)
        both = [seen(1, box, *first), seen(2, Box(box.x1 + 0.005, box.y1, box.x2, box.y2), *second)]
        scene.show(*(both if first[0] != "dog" else both[:1] if index < 6 else both))
    scene.nothing(6.0)
    (event,) = scene.events
    assert event.label == label


def test_a_dog_beside_a_person_is_an_event_of_its_own():
    scene = Scene()
    for index in range(20):
        x = 0.1 + index * 0.01
        scene.show(seen(1, at(x)), seen(2, at(x + 0.05, 0.7, 0.08, 0.1), label="dog"))
    assert sorted(event.label for event in scene.events) == ["dog", "person"]


def test_a_car_that_parks_ends_and_starts_nothing_while_it_stands():
    scene = Scene()
    scene.walk(1, 4.0, speed=0.1, label="car")
    scene.walk(1, 130.0, start=0.5, speed=0.0, label="car")
    (event,) = scene.events
    assert event.state is EventState.ENDED
    scene.nothing(6.0)  # hidden by a passer-by: the tracker begins anew
    scene.walk(2, 20.0, start=0.5, speed=0.0, label="car")
    scene.walk(3, 2.0, start=0.502, speed=0.0, label="vehicle")
    assert len(scene.events) == 1
    scene.walk(3, 3.0, start=0.5, speed=0.1, label="car")
    assert len(scene.events) == 2, "it drives off"


def test_zones_are_those_the_foot_stood_in_and_wanted_the_label():
    cats = Zone("cats", LEFT.points, frozenset({"cat"}))
    scene = Scene(EventRules(RULES.labels, 0.5, zones=(LEFT, cats)))
    scene.walk(1, 6.0, start=0.2, speed=0.1)
    assert scene.events[0].zones == ("left",)


def test_the_start_carries_the_picture_taken_for_it_and_a_better_one_replaces_it():
    scene = Scene()

    def show(score):
        scene.life.update(scene.now, [seen(1, at(0.1), score=score)], 0.4)
        wishes = scene.life.wishes(scene.now)
        for wish in wishes:
            scene.life.picture_kept(wish, scene.now, f"front/{wish.event_id}.pgp")
        scene.told += [(scene.now, report) for report in scene.life.reports()]
        scene.now += STEP
        return len(wishes)

    assert [show(0.6) for _ in range(8)] == [0, 0, 0, 1, 0, 0, 0, 0]
    assert scene.told[0][1].event.snapshot == "front/e1.pgp"
    assert scene.told[0][1].event.snapshot_us == T0 + 3 * STEP
    assert show(0.62) == 0, "hardly better"
    assert show(0.9) == 1
    assert scene.life.wishes(scene.now + S) == () or show(0.9) == 0


def test_closing_ends_what_goes_on_where_it_was_last_seen():
    scene = Scene()
    scene.walk(1, 2.0)
    scene.life.close()
    (report,) = scene.life.reports()
    assert (report.what, report.event.end_us) == ("end", T0 + 9 * STEP)
    assert not scene.life.active


def test_a_long_path_is_thinned():
    scene = Scene()
    for index in range(MOST_PATH_POINTS * 2 + 600):
        scene.show(seen(1, at(0.1 + 0.5 * (index // 50 % 2))))
    assert 100 < len(scene.events[-1].path) <= MOST_PATH_POINTS
