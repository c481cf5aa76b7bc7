import asyncio
from dataclasses import replace

from guardian.model.errors import BadSetting, ServiceUnavailable
from guardian.model.event import Attribute, Event, EventState, Happening, HappeningKind, PathPoint
from guardian.model.vision import Box
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
    service.event_changed("start", event, "Front door")
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


async def told(channel, *changes):
    """Return after how many changes each notification was sent."""
    tasks, sent = Tasks(), []
    service = NotificationService((channel,), FastClock(), tasks)
    for number, (what, event) in enumerate(changes):
        service.event_changed(what, event, "Front door")
        for _ in range(5):
            await asyncio.sleep(0)
        sent += [number] * (len(channel.notifier.sent) - len(sent))
    await tasks.close()
    return sent


async def test_a_channel_waits_for_what_happens_and_is_told_once():
    entered = replace(EVENT, zones=("yard",), happenings=(Happening("yard", HappeningKind.ENTER, 1),))
    loitered = replace(entered, happenings=(*entered.happenings, Happening("yard", HappeningKind.LOITER, 2)))
    changes = (("start", EVENT), ("update", entered), ("update", loitered), ("update", loitered), ("end", loitered))

    def channel(zones=(), happenings=()):
        return Channel("c", Flaky(), frozenset(), frozenset(), frozenset(zones), frozenset(happenings))

    assert await told(channel(), *changes) == [0]
    assert await told(channel(["yard"]), *changes) == [1]
    assert await told(channel([], [HappeningKind.LOITER]), *changes) == [2]
    assert await told(channel(["yard"], [HappeningKind.LOITER, HappeningKind.CROSS]), *changes) == [2]
    assert await told(channel(["porch"], [HappeningKind.LOITER]), *changes) == []
    assert await told(channel(["yard"]), ("start", EVENT), ("end", entered)) == [1]
    assert await told(channel(["yard"]), ("start", EVENT), ("delete", entered)) == []
    ended = replace(entered, state=EventState.ENDED, end_us=3)
    assert await told(channel(["yard"]), ("update", ended)) == []  # it was judged after a restart: old news


async def test_a_notification_says_what_classifiers_and_ears_know():
    person = replace(EVENT, path=(PathPoint(1, Box(0, 0, 1, 1)),), attributes=(Attribute("upper colour", "red", 0.9),))
    alarm = replace(EVENT, label="smoke_alarm")
    for event, title, body in [
        (person, "Person at Front door", "Seen by Front door. upper colour: red."),
        (replace(person, sub_label="postman"), "Person at Front door", "Seen by Front door. postman, upper colour: red."),
        (alarm, "Smoke alarm at Front door", "Heard by Front door."),
    ]:
        notifier = Flaky()
        await deliver(notifier, event)
        assert (notifier.sent[0].title, notifier.sent[0].body) == (title, body)
