"""Several pictures agree, contradict, and are bounded."""

from guardian.events.votes import MOST_NAMES, Votes
from guardian.model.classification import Classification
from guardian.model.event import Attribute


def said(name, value, score=0.8, sub_label=""):
    return Classification(sub_label, score, (Attribute(name, value, score),) if name else ())


def test_most_of_the_weight_stands_with_its_mean_score():
    votes = Votes()
    votes.add(said("colour", "red", 0.9), 2.0)
    votes.add(said("colour", "orange", 0.6), 1.0)
    assert votes.result() == ("", (Attribute("colour", "red", 0.675),))


def test_pictures_that_contradict_each_other_say_nothing():
    votes = Votes()
    for value in ("red", "blue", "green"):
        votes.add(said("colour", value), 1.0)
    assert votes.result() == ("", ())


def test_a_sub_label_is_no_attribute():
    votes = Votes()
    votes.add(said("", "", 0.7, "postman"), 1.0)
    assert votes.result() == ("postman", ())


def test_a_plugin_that_floods_is_bounded():
    votes = Votes()
    for number in range(1000):
        votes.add(said(f"n{number}", "x" * 1000, 7.0), 1.0)
    attributes = votes.result()[1]
    assert len(attributes) == MOST_NAMES
    assert {(len(one.value), one.score) for one in attributes} == {(64, 1.0)}


def test_nothing_said_is_nothing():
    votes = Votes()
    votes.add(Classification(), 1.0)
    votes.add(said("colour", "red", 0.0), 1.0)
    assert votes.result() == ("", ())
