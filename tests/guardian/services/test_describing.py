"""Crops wait bounded, the newest of an event; pictures of one event vote together."""

import asyncio

from guardian.interfaces import ClassifierKind
from guardian.model.classification import Classification
from guardian.model.errors import ServiceUnavailable
from guardian.model.event import Attribute
from guardian.model.messages import CropSeen
from guardian.services.describing import MOST_WAITING, DescribeService

KIND = ClassifierKind("colours", "Colours", frozenset({"person"}), lambda: None)


class Says:
    """Plays the insight service: a crop's text is its colour."""

    def __init__(self):
        self.asked = []

    async def classify(self, classifier, label, jpeg):
        self.asked.append((classifier, label, jpeg))
        if jpeg == b"bad":
            raise ServiceUnavailable("it failed")
        return Classification(attributes=(Attribute("colour", jpeg.decode(), 0.9),))


async def told_of(*crops, kinds=(KIND,)):
    told, insight = [], Says()

    async def tell(event_id, sub_label, attributes):
        told.append((event_id, sub_label, [one.value for one in attributes]))

    service = DescribeService(insight, lambda camera: kinds, tell)
    for event_id, label, quality, jpeg in crops:
        service.take("door", CropSeen(event_id, label, quality), jpeg)
    task = asyncio.create_task(service.run())
    for _ in range(5 + 5 * len(crops)):
        await asyncio.sleep(0)
    task.cancel()
    return told, insight, service


async def test_the_newest_crop_of_an_event_is_looked_at():
    told, insight, _ = await told_of(("e1", "person", 0.5, b"red"), ("e1", "person", 0.9, b"blue"))
    assert told == [("e1", "", ["blue"])]
    assert len(insight.asked) == 1


async def test_only_labels_it_knows_are_asked_about():
    told, insight, _ = await told_of(("e1", "cat", 0.5, b"red"), ("e2", "person", 0.5, b"red"))
    assert told == [("e2", "", ["red"])]
    assert [label for _, label, _ in insight.asked] == ["person"]


async def test_a_failure_costs_that_crop_alone():
    told, *_ = await told_of(("e1", "person", 0.5, b"bad"), ("e2", "person", 0.5, b"red"))
    assert told == [("e2", "", ["red"])]


async def test_what_waits_is_bounded_and_no_crop_is_huge():
    crops = [(f"e{number}", "person", 0.5, b"red") for number in range(MOST_WAITING + 8)]
    _, insight, service = await told_of(*crops, ("huge", "person", 0.5, b"x" * (3 << 20)))
    assert service.dropped == 8
    assert len(insight.asked) == MOST_WAITING
