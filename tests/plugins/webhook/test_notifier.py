import hashlib
import hmac
import json

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from guardian_webhook.config import WebhookConfig
from guardian_webhook.notifier import WebhookNotifier

from guardian.sdk import (
    Attribute,
    BadSetting,
    Box,
    Event,
    EventState,
    Happening,
    HappeningKind,
    Notification,
    PathPoint,
    ServiceUnavailable,
)

EVENT = Event(
    "e1",
    "door",
    "person",
    0.91234,
    1_000_000,
    None,
    EventState.ACTIVE,
    ("yard",),
    "pic",
    0,
    None,
    (PathPoint(1, Box(0, 0, 1, 1)),),
    happenings=(Happening("yard", HappeningKind.ENTER, 1_000_000),),
    sub_label="postman",
    attributes=(Attribute("upper colour", "red", 0.8769),),
)


@pytest.fixture
async def receiver():
    got, answer = [], {"status": 200}

    async def hook(request):
        got.append((await request.read(), dict(request.headers)))
        return web.Response(status=answer["status"])

    app = web.Application()
    app.router.add_post("/hook", hook)
    async with TestServer(app) as server:
        yield str(server.make_url("/hook")), got, answer


async def test_it_posts_what_happened_and_signs_it(receiver):
    url, got, _ = receiver
    await WebhookNotifier(WebhookConfig(url=url, secret="k")).send(
        Notification("Person at Door", "Seen.", EVENT, "http://g/events/e1")
    )
    body, headers = got[0]
    assert json.loads(body)["event"] == {
        "id": "e1",
        "camera": "door",
        "label": "person",
        "score": 0.912,
        "start": "1970-01-01T00:00:01.000Z",
        "end": None,
        "zones": ["yard"],
        "happenings": [{"zone": "yard", "what": "enter", "at": "1970-01-01T00:00:01.000Z", "direction": None}],
        "sub_label": "postman",
        "attributes": [{"name": "upper colour", "value": "red", "score": 0.877}],
        "verdict": None,
    }
    assert headers["X-Guardian-Signature"] == "sha256=" + hmac.new(b"k", body, hashlib.sha256).hexdigest()
    assert b"pic" not in body


@pytest.mark.parametrize(
    ("status", "error"), [(500, ServiceUnavailable), (429, ServiceUnavailable), (404, BadSetting), (302, BadSetting)]
)
async def test_refusals_say_whether_to_try_again(receiver, status, error):
    url, _, answer = receiver
    answer["status"] = status
    with pytest.raises(error, match=str(status)):
        await WebhookNotifier(WebhookConfig(url=url)).send(Notification("t", "b"))


async def test_nobody_there_is_tried_again():
    with pytest.raises(ServiceUnavailable):
        await WebhookNotifier(WebhookConfig(url="http://127.0.0.1:9/x", timeout_s=1)).send(Notification("t", "b"))


def test_the_secret_is_in_no_repr():
    assert "hunter2" not in repr(WebhookConfig(url="http://h/", secret="hunter2"))
