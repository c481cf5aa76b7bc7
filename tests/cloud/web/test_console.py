"""The console's pages, as a browser without scripts meets them."""

import base64
import json
import re

import pytest
from guardian_cloud.model.errors import BadRequest
from guardian_cloud.web.phone import read_push
from guardian_cloud.web.render import reading

from tests.support.cloud_people import Relay


def test_readings_are_told_in_words():
    assert reading("disk_free_bytes", 2e11) == ("disk free", "200 GB")
    assert reading("uptime_s", 86_400 * 3) == ("uptime", "3 days")
    assert reading("temperature_c", 51.4) == ("temperature", "51 °C")
    assert reading("queue_events", 12_345) == ("queue events", "12,345")


async def test_a_home_is_run_from_its_pages(started, people):
    owner, vera = await people("olga"), await people("vera")
    status, page = await owner.page("/homes", {"name": "Lake <b>side</b>"})
    assert status == 200
    assert "Lake &lt;b&gt;side&lt;/b&gt;" in page
    tenant = (await owner.get("/me"))["memberships"][0]["tenant"]
    status, page = await owner.page(f"/t/{tenant}/codes", {"name": "Relay", "role": "relay"})
    code = re.search(r"gce_[\w-]+", page)[0]
    relay = await Relay.enrol(owner.base, code)
    assert "Not seen yet" in (await owner.page(f"/t/{tenant}"))[1]
    assert code not in (await owner.page(f"/t/{tenant}"))[1]
    status, page = await owner.page(f"/t/{tenant}/invitations", {"role": "viewer", "note": "Vera"})
    link = re.search(r"http[^<]*#gci_[\w-]+", page)[0]
    status, page = await vera.page("/join", {"word": link})
    assert (status, "Fleet" in page, "Make a code" in page, "/audit" in page) == (200, True, False, False)
    assert "member already" in (await vera.page("/join", {"word": link}))[1]
    assert (await vera.page(f"/t/{tenant}/codes", {"name": "x", "role": "relay"}))[0] == 403
    assert (await vera.page(f"/t/{tenant}/audit"))[0] == 403
    assert "needs an owner" in (await owner.page(f"/t/{tenant}/members/{owner.user}", {"do": "remove"}))[1]
    assert "Put out" in (await owner.page(f"/t/{tenant}/devices/{relay.device}/deny", {}))[1]
    page = (await owner.page(f"/t/{tenant}/audit"))[1]
    assert "device.denied" in page
    assert "Whole" in page
    async with owner.http.get(f"{owner.base}/t/{tenant}", headers={"HX-Request": "true"}) as answer:
        part = await answer.text()
        assert "<html" not in part
        assert part.lstrip().startswith('<div id="devices"')


async def test_a_form_without_the_pages_word_changes_nothing(started, people):
    owner, csrf = await people("olga"), None
    await owner.page("/homes", {"name": "Home"})
    tenant = (await owner.get("/me"))["memberships"][0]["tenant"]
    csrf, owner.csrf = owner.csrf, "wrong"
    assert (await owner.page(f"/t/{tenant}/codes", {"name": "x", "role": "relay"}))[0] == 403
    owner.csrf = csrf
    async with owner.http.post(
        f"{owner.base}/t/{tenant}/codes",
        data={"csrf": csrf, "name": "x", "role": "relay"},
        headers={"Origin": "https://evil.example"},
    ) as answer:
        assert answer.status == 403


def shown_by_phone(**changed):
    value = {"member": "ab" * 16, "endpoint": "http://127.0.0.1:9/push/x", "p256dh": "BA", "auth": "AA"} | changed
    return "guardian-push:" + base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_what_a_phone_shows_is_read_and_nothing_else():
    text = shown_by_phone()
    assert read_push(f" {text[:30]}\n{text[30:]} ").member == "ab" * 16
    for wrong in (
        "",
        "hello",
        text[:-3],
        shown_by_phone(member="x"),
        shown_by_phone(more=1),
        "guardian-push:é",
        text + "A" * 4000,
    ):
        with pytest.raises(BadRequest, match="not what the phone shows"):
            read_push(wrong)
