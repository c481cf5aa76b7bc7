"""From thumbs to settings: proposed, tried, written, undone."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from guardian.cli._main import cli
from guardian.index.engine import open_index
from guardian.model.media import Codec
from guardian.model.messages import EventReport
from guardian.model.time import SECOND_US
from guardian.model.vision import Box
from guardian.services.events import EventService
from guardian.settings.load import load
from guardian.settings.schema import DetectSettings
from guardian.vault.keyring import Keyring
from tests.support.footage import stream, video
from tests.support.recorded import MINUTE, T0, OwnClock, event
from tests.support.sealed import Camera

SECRET = "correct horse battery staple"
CONFIG = '# ours\n[cameras.front]\nkind = "file"  # a clip\n[cameras.front.source]\npath = "x.mp4"\n'
PLACE = "cameras.front.detect" + (".rules.person" if "rules" in DetectSettings.model_fields else "")


class Run:
    """The command, on a data folder with judged events."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.data, self.monkeypatch = folder / "data", monkeypatch
        self.secret = folder / "secret"
        self.secret.write_text(SECRET)
        self.keyring = Keyring.create(self.data / "vault", SECRET, now_us=T0)
        self.config = self.data / "config.toml"
        self.config.write_text(CONFIG)

    def judge(self, right: list[float], wrong: list[float], boxes: dict[bool, Box] | None = None) -> None:
        asyncio.run(self._judge([(True, score) for score in right] + [(False, score) for score in wrong], boxes or {}))

    async def _judge(self, told: list[tuple[bool, float]], boxes: dict[bool, Box]) -> None:
        index = await open_index(self.data / "index.db")
        clock = OwnClock(T0 + 600 * MINUTE)
        service = EventService(index, self.data, clock, self.keyring, lambda _: (5.0, 5.0), lambda *_: None)
        try:
            for at, (right, score) in enumerate(told):
                one = replace(event(T0 + at * MINUTE, number=at + 1), score=score, snapshot_box=boxes.get(right))
                await service.report(EventReport("end", replace(one, end_us=one.start_us + 20 * SECOND_US)))
                await service.judge(one.id, "right" if right else "wrong")
        finally:
            await index.close()

    def __call__(self, *words: str) -> Result:
        arguments = ["tune", *words, "--data", str(self.data)]
        self.monkeypatch.setattr(sys, "argv", ["guardian", *arguments])
        return CliRunner().invoke(cli, arguments)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(tmp_path, monkeypatch)


def last(result: Result) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return value


def test_a_proposal_says_what_it_would_have_done_and_changes_nothing(run: Run) -> None:
    run.judge([0.5, *[0.8] * 41], [0.6] * 17 + [0.9] * 2)
    result = run()
    assert result.exit_code == 0, result.output
    assert "Would have kept 41 of 42 right ones, dropped 17 of 19 wrong ones." in result.output
    assert f"{PLACE}.event_min_score = 0.8  (now: chosen for the model)" in result.output
    assert run.config.read_text() == CONFIG
    (item,) = last(run("--json"))["items"]
    assert (item["camera"], item["right"], item["wrong"], item["kept"], item["dropped"]) == ("front", 42, 19, 41, 17)
    assert item["changes"] == [{"setting": f"{PLACE}.event_min_score", "value": 0.8, "before": None}]


def test_it_is_written_beside_the_owners_comments_and_undone(run: Run) -> None:
    run.judge([0.8] * 12, [0.6] * 6)
    told = last(run("--apply", "--json"))
    assert told["applied"] is True
    detect = load(run.data).cameras["front"].detect
    written = detect.rules["person"] if hasattr(detect, "rules") else detect
    assert written.event_min_score == 0.8
    assert "# ours" in run.config.read_text()
    assert "# a clip" in run.config.read_text()
    assert Path(told["backup"]).read_text() == CONFIG
    shutil.copy(told["backup"], run.config)
    assert load(run.data).cameras["front"].detect == DetectSettings()


def test_too_few_thumbs_say_how_many_are_wanting(run: Run) -> None:
    run.judge([0.8] * 4, [0.6] * 2)
    result = run("--apply")
    assert "Too few thumbs: 7 more thumbs up and 3 more thumbs down are needed." in result.output
    assert "There is nothing to apply." in result.output
    assert run.config.read_text() == CONFIG


def test_no_thumbs_at_all(run: Run) -> None:
    run.judge([], [])
    result = run()
    assert result.exit_code == 0
    assert "front: 0 right, 0 wrong" in result.output
    assert "11 more thumbs up and 5 more thumbs down" in result.output


def test_places_are_told_once_the_vault_is_open(run: Run) -> None:
    bush, path = Box(0.1, 0.5, 0.2, 0.7), Box(0.6, 0.3, 0.7, 0.9)
    run.judge([0.8] * 12, [0.8] * 6, {True: path, False: bush})
    assert last(run("--json"))["items"][0]["places"] == []
    (item,) = last(run("--passphrase-file", str(run.secret), "--json"))["items"]
    assert item["places"] == [[0.09, 0.49, 0.21, 0.71]]


def test_a_proposal_is_tried_on_footage_that_is_there(run: Run) -> None:
    """Nobody is in the footage: of the one right event that has any, the replay sees nothing."""
    run.judge([0.8] * 12, [0.6] * 6)
    Camera(run.data, run.keyring).run(*stream(video(Codec.H264)))
    words = ["--passphrase-file", str(run.secret), "--json"]
    (item,) = last(run(*words))["items"]
    assert item["replayed"] == {"right": 1, "kept": 0, "wrong": 0, "dropped": 0}
    (item,) = last(run(*words, "--replays", "0"))["items"]
    assert item["replayed"] is None


BAD = {
    "unknown camera": (["--camera", "back"], "not_found", "no camera 'back'"),
    "no time": (["--since", "yesterday"], "bad_request", "RFC 3339"),
    "no passphrase": (["--unlock"], "vault_locked", "the vault is locked"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_one_sentence_and_a_cure(run: Run, name: str) -> None:
    words, code, message = BAD[name]
    run.judge([0.8], [])
    result = run(*words, "--json")
    error = last(result)["error"]
    assert (error["code"], result.exit_code) == (code, 2)
    assert message in error["message"]
    assert error["cure"]


def test_a_folder_without_an_index(run: Run) -> None:
    error = last(run("--json"))["error"]
    assert error["code"] == "not_found"
    assert error["cure"]


def test_only_newer_events_count(run: Run) -> None:
    run.judge([0.8] * 12, [0.6] * 6)
    (item,) = last(run("--since", "2026-11-23T00:10:00Z", "--json"))["items"]
    assert (item["right"], item["wrong"]) == (2, 6)
