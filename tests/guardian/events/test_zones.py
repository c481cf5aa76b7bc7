"""What a thing does at zones and lines, played sight by sight, five a second."""

from itertools import pairwise
from random import Random

import pytest

from guardian.events.zones import JITTER, Presence, foot_of
from guardian.model.event import MOST_HAPPENINGS
from guardian.model.schedule import Schedule, window_of
from guardian.model.vision import Box
from guardian.model.zone import Line, Zone

STEP = 200_000
LAWN = Zone("lawn", ((0, 0.5), (1, 0.5), (1, 1), (0, 1)))
YARD = Zone("yard", ((0.5, 0), (1, 0), (1, 1), (0.5, 1)))  # its edge stands upright at x = 0.5
GATE = Line("gate", (0.5, 0.2), (0.5, 0.9))  # from above down: who looks along it has the picture's left at the right hand
WIDTH, HEIGHT = 0.1, 0.4


def standing(x, y=0.7, w=WIDTH, h=HEIGHT):
    """A box whose foot is there."""
    return Box(x - w / 2, y - h, x + w / 2, y)


class Play:
    def __init__(self, *places):
        self.zones = [place for place in places if isinstance(place, Zone)]
        self.lines = [place for place in places if isinstance(place, Line)]
        self.presence, self.t = Presence(), 0

    def see(self, *boxes, label="person"):
        for box in boxes:
            self.presence.see(self.t, box, label, self.zones, self.lines)
            self.t += STEP
        return self

    def walk(self, start, stop, seconds=4.0, y=0.7, label="person"):
        steps = round(seconds * 1e6 / STEP)
        return self.see(*(standing(start + (stop - start) * i / (steps - 1), y) for i in range(steps)), label=label)

    @property
    def told(self):
        return [(one.what.value, one.zone) for one in self.presence.happenings]


def test_the_foot_decides_and_not_the_middle():
    assert Play(LAWN).see(*[standing(0.4, 0.7)] * 3).told == [("enter", "lawn")]
    assert Play(LAWN).see(*[standing(0.4, 0.45)] * 9).told == []


def test_an_animal_stands_on_its_feet_too():
    cat = Box(0.4, 0.42, 0.5, 0.53)  # its middle lies above the lawn's edge
    assert Play(LAWN).see(*[cat] * 3, label="cat").told == [("enter", "lawn")]


def test_a_thing_cut_off_below_still_stands_in_the_zone():
    assert foot_of(Box(0.4, 0.6, 0.5, 1.0)) == (0.45, 0.999)
    assert Play(LAWN).see(*[Box(0.4, 0.6, 0.5, 1.0)] * 3).told == [("enter", "lawn")]


def test_who_walks_through_enters_and_leaves_with_times():
    play = Play(YARD).walk(0.2, 0.9, 4).walk(0.9, 0.2, 4)
    assert play.told == [("enter", "yard"), ("leave", "yard")]
    enter, leave = play.presence.happenings
    assert enter.utc_us == pytest.approx(1_750_000, abs=2 * STEP)  # where the feet pass the edge
    assert leave.utc_us == pytest.approx(4_000_000 + 2_300_000, abs=2 * STEP)
    assert play.presence.names == ("yard",)


@pytest.mark.parametrize("edge", [0.49, 0.5, 0.51])
@pytest.mark.parametrize("seed", range(5))
def test_jitter_at_an_edge_does_not_flap(edge, seed):
    random = Random(seed)

    def jitter(size):
        return size * random.uniform(-JITTER, JITTER) * 0.99

    play = Play(YARD, GATE)
    for _ in range(3000):  # ten minutes
        play.see(standing(edge + jitter(WIDTH), 0.7 + jitter(HEIGHT)))
    assert play.told in ([], [("enter", "yard")])
    play.walk(edge, 0.2, 3)
    assert [what for what, zone in play.told if zone == "yard"] in ([], ["enter", "leave"])


def test_without_hysteresis_the_same_would_flap():
    random = Random(0)
    inside = [YARD.contains(0.5 + WIDTH * random.uniform(-JITTER, JITTER), 0.7) for _ in range(100)]
    assert sum(a != b for a, b in pairwise(inside)) > 20


def test_one_wild_box_neither_enters_nor_leaves_nor_crosses():
    play = Play(YARD, GATE).see(*[standing(0.45)] * 5, standing(0.52), *[standing(0.45)] * 5)
    assert play.told == []
    play = Play(YARD).see(*[standing(0.6)] * 5, standing(0.48), *[standing(0.6)] * 5)
    assert play.told == [("enter", "yard")]


def test_a_runner_is_seen_in_a_zone_in_one_sight():
    narrow = Zone("path", ((0.4, 0), (0.6, 0), (0.6, 1), (0.4, 1)))
    assert Play(narrow).see(standing(0.2), standing(0.5), standing(0.8)).told == [("enter", "path"), ("leave", "path")]


def test_labels_that_do_not_count_do_nothing():
    cats = Zone("yard", YARD.points, frozenset({"cat"}))
    line = Line("gate", GATE.a, GATE.b, labels=frozenset({"cat"}))
    assert Play(cats, line).walk(0.2, 0.9).told == []
    assert Play(cats, line).walk(0.2, 0.9, label="cat").told == [("enter", "yard"), ("cross", "gate")]


def test_who_stays_loiters_once_a_stay():
    yard = Zone("yard", YARD.points, loiter_us=10_000_000)
    play = Play(yard).walk(0.2, 0.8, 2).see(*[standing(0.8)] * 45)
    assert play.told == [("enter", "yard")]
    play.see(*[standing(0.8)] * 200)
    assert play.told == [("enter", "yard"), ("loiter", "yard")]
    enter, loiter = play.presence.happenings
    assert 10_000_000 <= loiter.utc_us - enter.utc_us <= 10_000_000 + STEP
    play.walk(0.8, 0.2, 2).walk(0.2, 0.8, 2).see(*[standing(0.8)] * 60)
    assert [what for what, _ in play.told] == ["enter", "loiter", "leave", "enter", "loiter"]


@pytest.mark.parametrize(
    ("start", "stop", "direction", "told"),
    [
        (0.2, 0.8, "both", ["left"]),
        (0.8, 0.2, "both", ["right"]),
        (0.2, 0.8, "left", ["left"]),
        (0.2, 0.8, "right", []),
        (0.8, 0.2, "right", ["right"]),
        (0.8, 0.2, "left", []),
        (0.2, 0.4, "both", []),
    ],
)
def test_a_line_is_crossed_in_a_direction(start, stop, direction, told):
    play = Play(Line("gate", GATE.a, GATE.b, direction)).walk(start, stop)
    assert [one.direction for one in play.presence.happenings] == told
    assert play.presence.names == (("gate",) if told else ())


def test_turning_a_line_round_turns_its_sides():
    turned = Play(Line("gate", GATE.b, GATE.a)).walk(0.2, 0.8)
    assert [one.direction for one in turned.presence.happenings] == ["right"]


def test_who_walks_around_the_end_of_a_line_has_not_crossed_it():
    short = Line("fence", (0.5, 0.6), (0.5, 0.8))
    around = [(0.3, 0.7), (0.4, 0.5), (0.5, 0.45), (0.6, 0.5), (0.7, 0.7)]
    assert Play(short).see(*(standing(x, y) for x, y in around)).told == []
    assert Play(short).walk(0.3, 0.7, y=0.7).told == [("cross", "fence")]


def test_there_and_back_is_two_crossings_and_a_step_onto_the_line_none():
    assert [one.direction for one in Play(GATE).walk(0.2, 0.8).walk(0.8, 0.2).presence.happenings] == ["left", "right"]
    assert Play(GATE).walk(0.3, 0.51).walk(0.51, 0.3).told == []


def test_a_loss_on_the_way_does_not_hide_a_crossing():
    assert Play(GATE).walk(0.3, 0.4, 1).walk(0.6, 0.7, 1).told == [("cross", "gate")]


def test_a_zone_is_there_only_in_its_hours():
    first_second = Schedule((window_of("00:00-00:01"),))  # of 1970, where the play begins
    yard = Zone("yard", YARD.points, schedule=first_second)
    play = Play(yard).see(*[standing(0.8)] * 10)
    play.t = 61_000_000
    assert play.see(*[standing(0.8)] * 10).told == [("enter", "yard"), ("leave", "yard")]
    later = Play(Zone("yard", YARD.points, schedule=Schedule((window_of("00:01-23:00"),))))
    later.see(*[standing(0.8)] * 10)
    later.t = 61_000_000
    later.see(*[standing(0.8)] * 10)
    assert [one.utc_us for one in later.presence.happenings] == [61_000_000]


def test_who_is_gone_has_left():
    play = Play(YARD).walk(0.2, 0.8)
    play.presence.gone(3_800_000)
    assert play.told == [("enter", "yard"), ("leave", "yard")]
    assert play.presence.happenings[-1].utc_us == 3_800_000


def test_what_counts_for_an_event():
    def counts(place, *walks):
        play = Play(place)
        for walk in walks:
            play.walk(*walk)
        return play.presence.counts

    there, stays = (0.2, 0.8), (0.8, 0.8, 20)
    assert counts(YARD, there)
    assert not counts(Zone("yard", YARD.points, makes_event="never"), there)
    loiter = Zone("yard", YARD.points, loiter_us=5_000_000, makes_event="loiter")
    assert not counts(loiter, there)
    assert counts(loiter, there, stays)
    assert counts(GATE, there)
    assert not counts(Line("gate", GATE.a, GATE.b, makes_event="never"), there)


def test_rules_that_are_replaced_forget_zones_that_are_gone():
    play = Play(YARD).walk(0.2, 0.8)
    play.zones = [LAWN]
    play.see(*[standing(0.8)] * 3)
    assert play.told == [("enter", "yard"), ("enter", "lawn")]
    play.presence.gone(9_000_000)
    assert play.told == [("enter", "yard"), ("enter", "lawn"), ("leave", "lawn")]


def test_happenings_are_bounded():
    play = Play(YARD)
    for _ in range(MOST_HAPPENINGS):
        play.see(standing(0.9), standing(0.1))
    assert len(play.presence.happenings) == MOST_HAPPENINGS
