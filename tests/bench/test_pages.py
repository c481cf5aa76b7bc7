"""The HTML of each page, with 10,000 events and 30 days of eight cameras, against the server's smallest answer."""

from __future__ import annotations

import time

import pytest

from tests.bench.archive import Client
from tests.bench.figures import Figure, ms, publish

pytestmark = pytest.mark.bench
BUDGET_MS, TIMES = 50.0, 20


def test_pages(large, large_program):
    events = large_program.get("/api/v1/events?limit=1")["items"]
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 5 * 86_400))
    pages = {
        "live": "/",
        "events": "/events",
        "events of a camera and a day": f"/events?camera=cam3&date={day}&tz=0",
        "event": f"/events/{events[0]['id']}",
        "camera with its timeline": "/cameras/cam3",
        "timeline's data, a day": f"/api/v1/cameras/cam3/recordings?start={day}T00:00:00Z&end={day}T23:59:59Z",
        "system": "/system",
    }
    figures, sizes = [], {}
    with Client(large_program) as client:
        floor = [client.timed("/healthz")[0] for _ in range(TIMES)]
        for name, path in pages.items():
            first, html = client.timed(path)
            took = [client.timed(path)[0] for _ in range(TIMES)]
            figures.append(Figure(f"{name}, median", ms(took), "ms", ms(floor), "health check", BUDGET_MS))
            figures.append(Figure(f"{name}, first time", ms([first]), "ms"))
            sizes[name] = len(html)
    publish("pages", *figures, bytes=sizes, segments=large.segments, events=10_000)
