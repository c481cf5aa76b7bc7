"""While the vault is locked: recording and detection go on, nothing can be watched, and the page says how to unlock."""

import pytest

from tests.support.program import guardian, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


def test_it_records_while_locked_and_shows_nothing():
    with guardian("demo", "--port", "0", "--no-browser") as program:
        event = wait_for(lambda: program.get("/api/v1/events")["items"], 30, "an event")[0]
        assert program.request("/api/v1/vault/lock", method="POST", body={})[0] in (200, 204)
        before = sum(p.stat().st_size for p in (program.data / "segments").rglob("*.pgs"))
        status, body = program.request(event["clip"])
        assert status == 423
        assert b"unlock" in body.lower()
        assert program.request(event["snapshot"])[0] == 423
        wait_for(
            lambda: sum(p.stat().st_size for p in (program.data / "segments").rglob("*.pgs")) > before + 100_000,
            20,
            "more footage",
        )
        assert program.camera("demo")["recording"] is True
        wrong = program.request("/api/v1/vault/unlock", method="POST", body={"passphrase": "not it at all"})
        assert wrong[0] == 403
        right = program.request("/api/v1/vault/unlock", method="POST", body={"passphrase": program.first_line["passphrase"]})
        assert right[0] in (200, 204), right
        assert program.request(event["clip"])[0] == 200
