"""Canaries in the passwords, the passphrase, the recovery code and the picture: none is ever found where it must not be.

Neither in a file that Guardian writes, nor in its logs, nor in a command line or an environment, nor, while the vault is locked,
in anything that it answers. Live video is live: whoever is logged in may see it, so it is not asked for here.
"""

from __future__ import annotations

import http.client
import importlib
import pkgutil
import re
import socket
import time
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import psutil
import pytest

import guardian.web.pages
from guardian.api.app import OPERATIONS
from guardian.model.time import to_rfc3339
from guardian.services.demo import CLIP
from guardian.vault.scan import scan
from guardian.web.site import Site
from tests.support import canary
from tests.support.canary import Canaries
from tests.support.house import PASSPHRASE, camera, command, running, set_up
from tests.support.plaintext import findings
from tests.support.program import Program, wait_for
from tests.support.rtsp import RtspServer, require_server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]
USER, PASSWORD = "owner", "Cam3ra+canary/é&7"
OTHER = "Sh3d canary:5?"  # of a camera that is away; its owner wrote it into the configuration
LIVE = "/cameras/{camera}/live"
TEMP = "temporary-" + "x" * 60  # with a name that is too long for sockets
LASTS_S = 1.5  # how long an answer that does not end is read
MEDIA = ("video/", "image/", "audio/")


@pytest.fixture
def place(tmp_path: Path, monkeypatch):
    """A house whose camera asks for a password, whose secrets lie beside it, and whose temporary folder is its own."""
    require_server()
    server = RtspServer({"yard": str(CLIP)}, "--basic", USER, PASSWORD).start()
    (tmp_path / "camera-password").write_text(PASSWORD + "\n")
    url, word = server.url("yard"), f"file:{tmp_path}/camera-password"
    source = f'source = {{ url = "{url}", username = "{USER}", password = "{word}" }}'
    house, temp = tmp_path / "house", tmp_path / TEMP
    away = camera("shed", "rtsp", {"url": f"rtsp://{USER}:{quote(OTHER, safe='')}@127.0.0.1:1/yard"})
    nas = f'[storage.tiers.nas]\nsettings = {{ path = "{tmp_path}/nas" }}\n'
    set_up(house, f'[cameras.gate]\nkind = "rtsp"\n{source}\nrecord.segment_s = 5\n{away}{nas}')
    (house / "passphrase").rename(tmp_path / "passphrase")
    config = (house / "config.toml").read_text()
    (house / "config.toml").write_text(config.replace(f"{house}/passphrase", f"{tmp_path}/passphrase"))
    temp.mkdir()
    (tmp_path / "nas").mkdir()
    monkeypatch.setenv("TMPDIR", str(temp))
    try:
        yield tmp_path
    finally:
        server.kill()


def test_nothing_that_is_secret_is_found_anywhere(place: Path):
    house, temp, nas, backup = (place / name for name in ("house", TEMP, "nas", "guardian.pgb"))
    with running(house) as program:
        names = recorded(program, house)
        known, picture = secrets(program, place), {"the picture": canary.footage(CLIP)}
        film, words, everything = Canaries(picture), Canaries(known), Canaries(known | picture)
        told = {path: answer(program, path) for path in paths(names)}
        assert said(told, words) == []
        open_paths = {path for path, (status, raw) in told.items() if status == 200 and is_media(raw)}
        assert len(open_paths) == 6, "picture, clips, export, and pieces of a segment"
        assert all(film.within(told[path][1]) for path in open_paths if path.endswith("file.mp4") or "clip.mp4?" in path)
        command("backup", str(backup), "--data", str(house))
        wait_for(lambda: list(nas.rglob("*.pgs")), 15, "a copy at another place")
        assert found_in(everything, place) == []
        assert program.request("/api/v1/vault/lock", method="POST", body={})[0] in (200, 204)
        told = {path: answer(program, path) for path in paths(names)}
        assert said(told, everything) == []
        assert {told[path][0] for path in open_paths} == {423}
        assert not any(status == 200 and is_media(raw) for status, raw in told.values())
        assert found_in(everything, place) == []
        assert everything.in_processes(processes(program)) == []
    assert found_in(everything, place) == []
    assert findings(house) + findings(temp) + findings(nas) == []
    assert everything.within("".join(program.log).encode()) == set()


def found_in(canaries: Canaries, place: Path) -> list[str]:
    """Return what is found in files of Guardian. What their owner has written is the owner's."""
    own = (place / "camera-password", place / "passphrase", place / "house" / "config.toml")
    return canaries.in_files(place, leave=own)


def recorded(program: Program, house: Path) -> dict[str, str]:
    """Wait for footage, an event and an export; return what stands for the parameters of paths."""
    event = wait_for(lambda: program.get("/api/v1/events")["items"], 40, "an event")[0]
    second = wait_for(lambda: sorted((house / "segments").rglob("*.pgs"))[1:], 15, "a second segment")[0]
    start_us = scan(second).header.start_utc_us
    span = {"start": to_rfc3339(start_us), "end": to_rfc3339(start_us + 2_000_000)}
    status, _ = program.request("/api/v1/exports", method="POST", body={"camera": "gate", **span})
    assert status == 202
    export = wait_for(lambda: [one for one in program.get("/api/v1/exports")["items"] if one["state"] == "done"], 15)[0][
        "id"
    ]
    asked = {"span": urlencode(span), "index": "1", "export": export, "segment": second.stem}
    return {"camera": "gate", "event": event["id"], "id": event["id"]} | asked


def secrets(program: Program, place: Path) -> dict[str, set[bytes]]:
    """Make a recovery code, log in as a person does, and return everything that is known to few."""
    pass_file = str(place / "passphrase")
    code = command("vault", "recovery-code", "--passphrase-file", pass_file, "--data", str(place / "house"))["recovery_code"]
    password = program.first_line["password"]
    form = urlencode({"user": program.first_line["user"], "password": password})
    kind = {"Content-Type": "application/x-www-form-urlencoded", "Origin": program.url}
    status, raw = answer(program, "/login", method="POST", body=form, headers=kind)
    assert status == 303
    session = re.search(rb"[Ss]et-[Cc]ookie: \w+=([^;\s]+)", raw)
    assert session is not None
    codes = (code, code.lower(), code.replace("-", ""), code.replace("-", "").lower())
    return {
        "the camera's password": canary.secret(PASSWORD) | canary.shapes(f"{USER}:{PASSWORD}".encode()),
        "the other camera's password": canary.secret(OTHER) | canary.shapes(f"{USER}:{OTHER}".encode()),
        "the passphrase": canary.secret(PASSPHRASE),
        "the recovery code": {shape for one in codes for shape in canary.secret(one)},
        "the password of the page": canary.secret(password),
        "the token": canary.secret(program.token),
        "the session": canary.secret(session[1].decode()),
    }


def paths(names: dict[str, str]) -> list[str]:
    """Return every path that answers a GET, of the API and of the site, with names for its parameters."""
    found = {f"/api/v1{one.plain_path}" for one in OPERATIONS if one.method == "GET" and one.path != LIVE}
    for module in pkgutil.iter_modules(guardian.web.pages.__path__, "guardian.web.pages."):
        routes = importlib.import_module(module.name).routes(Site(None, None))
        found |= {route.path for route in routes if route.method == "GET"}
    found |= {"/healthz", "/readyz", "/metrics", "/favicon.ico", "/api/v1/openapi.json", "/nothing"}
    asked = {f"{path}?{names['span']}" for path in found if path.startswith("/api/v1/cameras/")}
    filled = {re.sub(r"{(\w+)}", lambda match: names[match[1]], path) for path in found | asked}
    return sorted(filled | {f"/cameras/{names['camera']}?at={to_rfc3339(time.time_ns() // 1000 - 5_000_000)}"})


def answer(program: Program, path: str, *, method: str = "GET", body: str = "", headers: dict[str, str] | None = None):
    """Return status, and everything that came: headers and body. What does not end is read for a while."""
    place = urlsplit(program.url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=30)
    try:
        connection.request(method, path, body or None, {"Authorization": f"Bearer {program.token}"} | (headers or {}))
        got = connection.getresponse()
        raw, ends = str(got.headers).encode() + b"\n", time.monotonic() + LASTS_S
        if connection.sock is not None:  # it is None where the answer ends the connection
            connection.sock.settimeout(LASTS_S)
        try:
            while part := got.read1():
                raw += part
                if got.headers["Content-Type"].startswith("text/event-stream") and time.monotonic() > ends:
                    break
        except (TimeoutError, socket.timeout):  # noqa: UP041 - one and the same, in words
            pass
        return got.status, raw
    finally:
        connection.close()


def is_media(raw: bytes) -> bool:
    """Tell whether an answer is picture or sound; what every page has, like its logo, is not."""
    kind = re.search(rb"(?i)content-type: (\S+)", raw)
    return kind is not None and kind[1].decode().startswith(MEDIA) and not kind[1].startswith(b"image/svg")


def said(told: dict[str, tuple[int, bytes]], canaries: Canaries) -> list[str]:
    """Return `path: canary` for what answers said."""
    return [f"{path}: {name}" for path, (_, raw) in told.items() for name in sorted(canaries.within(raw))]


def processes(program: Program) -> dict[str, int]:
    """Return the conductor and all that came of it."""
    conductor = psutil.Process(program.process.pid)
    found = {f"{one.name()} {one.pid}": one.pid for one in (conductor, *conductor.children(recursive=True))}
    assert set(program.pids().values()) <= set(found.values())
    return found
