"""Sentences and events, by words: synonyms, colours in their garments, cameras by name."""

from datetime import UTC, datetime

import pytest

from guardian.model.event import Attribute, Event, EventState, Happening, HappeningKind
from guardian.services.search_words import Term, findable, fit, understand

NOW = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)
CAMERAS = {"door": "Front door", "yard": "Back yard", "car": "Car"}


def event(label="person", camera="door", sub_label="", zones=(), happenings=(), **attributes):
    said = tuple(Attribute(name.replace("_", " "), value, 0.9) for name, value in attributes.items())
    more = {"zones": zones, "happenings": happenings, "sub_label": sub_label, "attributes": said}
    return Event("e", camera, label, 0.9, 0, 1, EventState.ENDED, **more)


EVENTS = {
    "red over blue": event(upper_colour="red", lower_colour="blue"),
    "blue over red": event(upper_colour="blue", lower_colour="red"),
    "red car": event("car", "yard", colour="red"),
    "postman": event(sub_label="postman", zones=("porch",)),
    "alarm": event("smoke_alarm"),
    "dog": event("dog", "yard"),
    "loiterer": event(zones=("porch",), happenings=(Happening("porch", HappeningKind.LOITER, 1),)),
    "leaver": event(zones=("gate",), happenings=(Happening("gate", HappeningKind.CROSS, 1, "left"),)),
}


def best(sentence):
    scores = fit(understand(sentence, NOW, CAMERAS), [findable(one, CAMERAS[one.camera]) for one in EVENTS.values()])
    return [name for name, score in zip(EVENTS, scores, strict=True) if score == max(scores) > 0]


@pytest.mark.parametrize(
    ("sentence", "names"),
    [
        ("a person with a red jacket", ["red over blue"]),
        ("Somebody in red trousers", ["blue over red"]),
        ("a woman in red jeans", ["blue over red"]),
        ("red automobile", ["red car"]),
        ("the postman on the porch", ["postman"]),
        ("fire alarm", ["alarm"]),
        ("smoke_alarm", ["alarm"]),
        ("a puppy", ["dog"]),
        ("zebra", []),
        ("somebody lingering", ["loiterer"]),
        ("who crossed the gate", ["leaver"]),
    ],
)
def test_the_best_fits(sentence, names):
    assert best(sentence) == names


def test_a_sentence_is_taken_apart():
    wish = understand("A person with a red jacket at the FRONT door last night", NOW, CAMERAS)
    assert wish.cameras == {"door"}
    assert wish.when == "last night"
    assert wish.terms == (Term("person"), Term("red", "upper colour"))
    assert "front" not in wish.text


def test_a_thing_that_is_also_a_cameras_name_stays_a_thing():
    assert understand("a red car", NOW, CAMERAS).cameras == frozenset()


def test_of_a_sentence_without_words_everything_fits():
    assert fit(understand("yesterday", NOW, CAMERAS), [findable(EVENTS["dog"], "x")]) == (1.0,)


def test_what_an_embedder_gets_is_a_sentence():
    said = findable(EVENTS["red over blue"], "Front door").sentence
    assert said == "person wearing a red jacket with blue trousers at Front door"
    assert findable(EVENTS["loiterer"], "Front door").sentence == "person at Front door porch loitered at porch"
