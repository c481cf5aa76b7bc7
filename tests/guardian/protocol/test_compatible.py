"""What was said once is understood for ever: no field, value or method goes, moves, or takes another type or name."""

import copy
import json

import pytest

from tests.support.protocol import SNAPSHOT, broken, described


@pytest.fixture
def before():
    return json.loads(SNAPSHOT.read_text(encoding="utf-8"))


def test_nothing_was_changed_that_others_rely_on(before):
    assert broken(before, described()) == []


def test_the_snapshot_holds_all_that_there_is(before):
    assert before == described(), "after an addition: python -m tests.support.protocol"


CHANGES = {
    "a message removed": lambda p: p["messages"].pop("guardian.events.v1.Event"),
    "a field removed": lambda p: p["messages"]["guardian.events.v1.Event"].pop("4"),
    "a field renumbered": lambda p: p["messages"]["guardian.events.v1.Event"].update({"99": p["messages"]["guardian.events.v1.Event"].pop("4")}),
    "a field retyped": lambda p: p["messages"]["guardian.events.v1.Event"].update({"4": "time_s uint64"}),
    "a field renamed": lambda p: p["messages"]["guardian.events.v1.Event"].update({"4": "seconds int64"}),
    "a field made repeated": lambda p: p["messages"]["guardian.events.v1.Event"].update({"4": "time_s int64 repeated"}),
    "a field moved out of its oneof": lambda p: p["messages"]["guardian.link.v1.FromEdge"].update({"1": "hello guardian.link.v1.Hello"}),
    "a value renamed": lambda p: p["enums"]["guardian.trust.v1.Role"].update({"3": "ROLE_GUEST"}),
    "a service removed": lambda p: p["services"].pop("guardian.link.v1.Link"),
    "a method removed": lambda p: p["services"]["guardian.link.v1.Link"].pop("View"),
    "a method no stream any more": lambda p: p["services"]["guardian.link.v1.Link"].update({"View": "guardian.link.v1.Frame → guardian.link.v1.Frame"}),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_an_incompatible_change_is_refused(before, change):
    after = copy.deepcopy(before)
    CHANGES[change](after)
    assert len(broken(before, after)) == 1


def test_additions_are_allowed(before):
    after = copy.deepcopy(before)
    after["messages"]["guardian.events.v1.Event"]["99"] = "more bytes"
    after["messages"]["guardian.events.v1.New"] = {}
    after["services"]["guardian.link.v1.Link"]["More"] = "a → b"
    assert broken(before, after) == []
