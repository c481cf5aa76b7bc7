"""How often a thing must be seen before it is an event, when frames are few and far between."""

import pytest

from guardian.events.lifecycle import EventLifecycle, EventRules
from guardian.model.vision import Box, Track

RULES = EventRules(frozenset({"person"}), event_min_score=0.5)
BOX = Box(0.4, 0.3, 0.5, 0.7)


@pytest.mark.parametrize(
    ("sights_ms", "events"),
    [((0, 900), 0), ((0, 200, 400), 0), ((0, 200, 700), 1), ((0, 1000, 2000), 1)],
)
def test_three_sights_over_the_least_time_make_an_event(sights_ms, events):
    life = EventLifecycle("front", RULES, lambda: "e")
    for now in range(0, 10_000, 100):
        seen = now in sights_ms
        live = now <= max(sights_ms) + 1000
        life.update(now * 1000, [Track(1, "person", 0.8, BOX, 1, 0 if seen else 1)] if live else [], 0.4)
    assert [report.what for report in life.reports() if report.what != "update"] == ["start", "end"] * events
