"""One thing that a model gives two names of different kinds makes one event, told by the name of its best sight."""

import pytest

from guardian.events.lifecycle import EventLifecycle, EventRules
from guardian.model.vision import Box, Track

RULES = EventRules(frozenset({"person", "cat", "dog", "bicycle"}), event_min_score=0.5)


def events(frames):
    """Play frames of (id, label, box, score), five a second, and five seconds of nothing."""
    ids = iter("abcdefgh")
    life, told = EventLifecycle("front", RULES, lambda: next(ids)), {}
    for index, frame in enumerate([*frames, *[()] * 30]):
        life.update(index * 200_000, [Track(i, label, score, box, 1, 0) for i, label, box, score in frame], 0.4)
        told |= {report.event.id: report.event for report in life.reports()}
    return list(told.values())


def at(index, dx=0.0):
    x = 0.1 + 0.01 * index + dx
    return Box(x, 0.3, x + 0.1, 0.7)


PERSON, DOG, CAT = ("person", 0.8), ("dog", 0.55), ("cat", 0.6)


@pytest.mark.parametrize(
    ("first", "second", "later", "label"),
    [
        (PERSON, DOG, 0, "person"),
        (DOG, PERSON, 0, "person"),
        (DOG, PERSON, 6, "person"),
        (PERSON, DOG, 6, "person"),
        (CAT, DOG, 0, "cat"),
    ],
)
def test_two_names_at_one_place_make_one_event(first, second, later, label):
    def frame(index):
        one = (1, first[0], at(index), first[1])
        other = (2, second[0], at(index, 0.005), second[1])
        return (one, other) if index >= later else (one,)

    (event,) = events([frame(index) for index in range(20)])
    assert (event.label, event.score) == (label, max(first[1], second[1]))


def test_a_new_name_right_after_the_old_one_goes_on_with_the_event():
    frames = [((1, "dog", at(index), 0.6),) for index in range(10)]
    frames += [((2, "person", at(index), 0.7),) for index in range(10, 20)]
    (event,) = events(frames)
    assert event.end_us == 19 * 200_000


@pytest.mark.parametrize(
    ("label", "box"),
    [("dog", Box(0.3, 0.55, 0.4, 0.7)), ("bicycle", Box(0.2, 0.5, 0.34, 0.75)), ("person", Box(0.6, 0.3, 0.7, 0.7))],
)
def test_a_companion_is_an_event_of_its_own(label, box):
    def frame(index):
        dx = 0.02 * index
        return (
            (1, "person", Box(0.2 + dx, 0.3, 0.3 + dx, 0.7), 0.8),
            (2, label, Box(box.x1 + dx, box.y1, box.x2 + dx, box.y2), 0.7),
        )

    assert sorted(event.label for event in events([frame(index) for index in range(15)])) == sorted(["person", label])
