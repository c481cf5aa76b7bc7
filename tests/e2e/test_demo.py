"""What a person who has never seen this project gets from the README's first command."""

import json
import time

import pytest

from tests.support.browser import browser, log_in, playing
from tests.support.plaintext import findings
from tests.support.program import guardian, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


def test_the_first_command_shows_live_video_an_event_and_the_moment_again():
    began = time.monotonic()
    with (
        guardian("demo", "--port", "0", "--no-browser") as program,
        browser(viewport={"width": 1280, "height": 800}) as page,
    ):
        assert set(program.first_line) >= {"url", "token", "data"}
        event = wait_for(lambda: program.get("/api/v1/events")["items"], 30 - (time.monotonic() - began), "an event")[-1]
        assert event["label"] in {"person", "cat", "dog"}
        picture = wait_for(
            lambda: (lambda r: r[1] if r[0] == 200 else None)(program.request(event["snapshot"])), 10, "its picture"
        )
        assert picture[:3] == b"\xff\xd8\xff"
        assert time.monotonic() - began < 45
        assert set(event) >= {"id", "camera", "label", "score", "start", "end", "zones", "snapshot", "clip"}

        log_in(page, program.url, program.first_line["user"], program.first_line["password"])
        wait_for(lambda: playing(page, "video"), 20, "live video")
        page.goto(f"{program.url}/events")
        page.wait_for_selector(f"a[href='/events/{event['id']}']", timeout=10_000)
        page.goto(f"{program.url}/events/{event['id']}")
        wait_for(lambda: playing(page, "video"), 20, "the event's clip")
        page.goto(f"{program.url}/cameras/{event['camera']}")
        wait_for(lambda: playing(page, "video"), 20, "the camera page's video")
        page.goto(f"{program.url}/system")
        assert "demo" in page.inner_text("body").lower()
        assert page.problems == []

        data = program.data
        assert findings(data, [program.first_line["passphrase"], program.first_line["password"], program.token]) == []
        assert program.stop() == 0


def test_it_ends_by_itself_and_its_first_line_is_json(tmp_path):
    with guardian("demo", "--port", "0", "--no-browser", "--exit-after", "3", "--data", str(tmp_path / "d")) as program:
        assert json.dumps(program.first_line)
        assert program.process.wait(30) == 0
    assert (tmp_path / "d" / "index.db").exists()


def test_nothing_answers_without_a_login_but_the_login_and_the_health_check():
    import urllib.error
    import urllib.request

    class NoRedirect(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    opener = urllib.request.build_opener(NoRedirect)

    def status(url):
        try:
            with opener.open(url, timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    with guardian("demo", "--port", "0", "--no-browser") as program:
        assert status(program.url + "/healthz") == 200
        assert status(program.url + "/login") == 200
        for page in ("/", "/events", "/system", "/vault", "/cameras/demo", "/tokens"):
            assert status(program.url + page) in (302, 303), page
        for path in ("/api/v1/cameras", "/api/v1/events", "/api/v1/system", "/api/v1/openapi.json", "/metrics", "/readyz"):
            assert status(program.url + path) == 401, path
