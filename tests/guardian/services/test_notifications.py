import asyncio

from guardian.model.errors import BadSetting, ServiceUnavailable
from guardian.model.event import Event, EventState
from guardian.platform.tasks import Tasks
from guardian.services.notifications import Channel, NotificationService

EVENT = Event("e1", "door", "person", 0.9, 0, None, EventState.ACTIVE)


class FastClock:
    def __init__(self):
        self.slept = []

    async def sleep(self, seconds):
        self.slept.append(seconds)


class Flaky:
    def __init__(self, *errors):
        self.errors, self.sent, self.tries = list(errors), [], 0

    async def send(self, notification):
        self.tries += 1
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append(notification)


async def deliver(notifier, event=EVENT, labels=frozenset(), cameras=frozenset()):
    clock, tasks = FastClock(), Tasks()
    service = NotificationService((Channel("c", notifier, labels, cameras),), clock, tasks)
    service.base_url = "http://g"
    service.event_started(event, "Front door")
    for _ in range(20):
        await asyncio.sleep(0)
    await tasks.close()
    return clock


async def test_it_says_what_and_where_and_no_more():
    notifier = Flaky()
    await deliver(notifier)
    assert notifier.sent[0].title == "Person at Front door"
    assert notifier.sent[0].url == "http://g/events/e1"


async def test_a_receiver_that_is_away_is_tried_again_and_a_refusal_is_not():
    away = Flaky(ServiceUnavailable("away"), ServiceUnavailable("away"))
    clock = await deliver(away)
    assert len(away.sent) == 1
    assert clock.slept == [2.0, 15.0]
    refused = Flaky(BadSetting("wrong url"))
    await deliver(refused)
    assert (refused.tries, refused.sent) == (1, [])


async def test_a_notifier_that_breaks_harms_nobody():
    broken = Flaky(ZeroDivisionError())
    await deliver(broken)
    assert broken.tries == 1


async def test_channels_hear_what_they_asked_for():
    for labels, cameras, heard in [
        ({"person"}, set(), 1),
        ({"cat"}, set(), 0),
        (set(), {"yard"}, 0),
        ({"person"}, {"door"}, 1),
    ]:
        notifier = Flaky()
        await deliver(notifier, labels=frozenset(labels), cameras=frozenset(cameras))
        assert notifier.tries == heard
