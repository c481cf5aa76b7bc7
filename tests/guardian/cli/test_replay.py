"""The command: bad input, a real file, the same sealed, other settings beside it."""

from __future__ import annotations

import json
import sys
from itertools import takewhile
from pathlib import Path
from typing import Any

import av
import pytest
from click.testing import CliRunner, Result

from guardian.cli._main import cli
from guardian.model.media import Codec
from guardian.model.time import SECOND_US, to_rfc3339
from guardian.vault.keyring import Keyring
from tests.support.detectors import shared
from tests.support.footage import stream, video
from tests.support.sealed import T0, Camera
from tests.support.watched import samples_of

pytestmark = pytest.mark.timeout(400)  # a minute of two cores, more on a machine that is busy

SECRET = "correct horse battery staple"
CONFIG = '[cameras.front]\nkind = "file"\n[cameras.front.source]\npath = "x.mp4"\n'
START, END = "2026-11-23T00:00:00Z", "2026-11-23T00:03:00Z"


class Run:
    """The command, on a data folder with a vault."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.data, self.monkeypatch = folder, folder / "data", monkeypatch
        self.secret = folder / "secret"
        self.secret.write_text(SECRET + "\n")
        self.keyring = Keyring.create(self.data / "vault", SECRET, now_us=T0)
        (self.data / "config.toml").write_text(CONFIG)

    def __call__(self, *words: str) -> Result:
        arguments = ["replay", *words, "--data", str(self.data)]
        self.monkeypatch.setattr(sys, "argv", ["guardian", *arguments])
        return CliRunner().invoke(cli, arguments)

    def opened(self, *words: str) -> Result:
        return self(*words, "--passphrase-file", str(self.secret))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(tmp_path, monkeypatch)


def last(result: Result) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return value


BAD = {
    "no file": (["nothing.mp4"], "not_found", "no file nothing.mp4"),
    "a text file": (["{text}"], "bad_request", "is no video"),
    "an empty file": (["{empty}"], "bad_request", "empty"),
    "two words": (["front", START], "bad_request", "neither a file nor a span"),
    "no time": (["front", "yesterday", END], "bad_request", "RFC 3339"),
    "the end first": (["front", END, START], "bad_request", "not after the start"),
    "no camera id": ([f"Front Door@{START}/{END}"], "bad_request", "no camera id"),
    "no such camera": (["back", START, END], "not_found", "no camera 'back'"),
    "no footage then": (["front", "2026-11-24T00:00:00Z", "2026-11-24T00:01:00Z"], "not_found", "no footage"),
    "another camera": (["front", START, END, "--camera", "back"], "bad_request", "--camera says back"),
    "unknown camera of a file": (["{text}", "--camera", "back"], "not_found", "no camera 'back'"),
    "an unknown key": (["{text}", "--set", "event_min_scor=1"], "bad_request", "no such setting"),
    "a value out of range": (["{text}", "--set", "event_min_score=2"], "bad_request", "less than or equal to 1"),
    "no assignment": (["{text}", "--set", "event_min_score"], "bad_request", "sets nothing"),
    "no such settings": (["{text}", "--config", "nothing.toml"], "bad_setting", "no such file"),
    "settings that are none": (["{text}", "--config", "{text}"], "bad_setting", "no valid TOML"),
    "a report among sealed files": (["{text}", "--html", "{data}/r.html"], "bad_request", "sealed files only"),
    "no passphrase": (["front", START, END], "vault_locked", "the vault is locked"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_one_sentence_and_a_cure(run: Run, name: str) -> None:
    words, code, message = BAD[name]
    (run.folder / "text.mp4").write_text("this is no video\n" * 20)
    (run.folder / "empty.mp4").touch()
    Camera(run.data, run.keyring).run(*stream(video(Codec.H264)))
    paths = {"text": run.folder / "text.mp4", "empty": run.folder / "empty.mp4", "data": run.data}
    result = run(*[word.format(**paths) for word in words], "--json")
    error = last(result)["error"]
    assert error["code"] == code
    assert message in error["message"]
    assert error["cure"]
    assert result.exit_code == 2
    assert SECRET not in result.output


def test_a_wrong_passphrase_opens_nothing(run: Run) -> None:
    Camera(run.data, run.keyring).run(*stream(video(Codec.H264)))
    run.secret.write_text("wrong")
    assert last(run.opened("front", START, END, "--json"))["error"]["code"] == "wrong_passphrase"


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
def test_every_frame_of_sealed_footage_is_watched(run: Run, codec: Codec) -> None:
    Camera(run.data, run.keyring).run(*stream(video(codec), Codec.AAC), segment_s=2)
    before = sorted(run.data.rglob("*"))
    result = run.opened(f"front@{START}/{END}", "--set", "lazy=false" if has_lazy() else "fps=5", "--json")
    assert result.exit_code == 0, result.output
    (told,) = last(result)["runs"]
    assert (told["frames"], told["decode_faults"], told["events"]) == (60, 0, [])
    assert told["decoded"] >= 58  # the last may wait in the decoder
    assert told["footage_s"] == pytest.approx(4.0, abs=0.1)
    assert [path for path in sorted(run.data.rglob("*")) if path not in before and "models" not in path.parts] == []


def has_lazy() -> bool:
    from guardian.settings.schema import DetectSettings

    return "lazy" in DetectSettings.model_fields


@pytest.fixture(scope="module")
def truth() -> list[tuple[float, float]]:
    return [tuple(visit) for visit in json.loads(shared("footage/people.truth.json").read_text())["visits"]]


def visits(told: dict[str, Any]) -> list[tuple[str, float, float]]:
    return [(event["label"], event["start_s"], event["end_s"]) for event in told["events"]]


def test_a_file_gives_its_visits(run: Run, truth: list[tuple[float, float]]) -> None:
    result = run(str(beginning(run.folder / "people.mp4", 48)), "--json")  # all six: test_people
    assert result.exit_code == 0, result.output
    told = last(result)
    (one,) = told["runs"]
    assert (told["source"]["camera"], told["happened"], one["counts"]) == ("front", None, None)
    assert [label for label, _, _ in visits(one)] == ["person"] * 2
    for (_, start, end), (true_start, true_end) in zip(visits(one), truth[:2], strict=True):
        assert abs(start - true_start) <= 2.0
        assert abs(end - true_end) <= 2.0


def beginning(target: Path, seconds: float) -> Path:
    """Write the first seconds of the footage to a file of their own."""
    with av.open(str(shared("footage/people.mp4"))) as source, av.open(str(target), "w") as copy:
        video_in = source.streams.video[0]
        video_out = copy.add_stream_from_template(video_in)
        for packet in source.demux(video_in):
            if packet.dts is None or packet.dts * packet.time_base > seconds:
                break
            packet.stream = video_out
            copy.mux(packet)
    return target


def test_a_wrong_threshold_is_shown_as_such(run: Run) -> None:
    report = run.folder / "report.html"
    words = ["--against", "current", "--set", "event_min_score=0.99", "--html", str(report)]
    result = run(str(beginning(run.folder / "one.mp4", 21.0)), *words, "--json")
    assert result.exit_code == 0, result.output
    current, tried = last(result)["runs"]
    assert [label for label, _, _ in visits(current)] == ["person"]
    assert tried["counts"] == {"matched": 0, "missed": 1, "new": 0}
    assert [event["state"] for event in tried["events"]] == ["missed"]
    assert (current["name"], tried["name"]) == ("current", "config.toml with event_min_score=0.99")
    assert tried["compared_with"] == "current"
    for one in (current, tried):
        assert one["looked_at"] <= one["decoded"] <= one["frames"]
        assert one["crops"] >= one["looks"] > 0
        assert one["cpu_s_per_camera_minute"] > 0
        assert one["real_time_factor"] > 0
    page = report.read_text()
    assert page.count("class='missed' style") == 1
    assert report.stat().st_mode & 0o777 == 0o600


def test_the_sealed_recording_gives_the_same_visits(run: Run, truth: list[tuple[float, float]]) -> None:
    info, samples = samples_of(shared("footage/people.mp4"))
    Camera(run.data, run.keyring).run(info, list(takewhile(lambda one: one.dts < 48 * 90_000, samples)))
    result = run.opened("front", START, to_rfc3339(T0 + 180 * SECOND_US), "--json")
    assert result.exit_code == 0, result.output
    (told,) = last(result)["runs"]
    assert [label for label, _, _ in visits(told)] == ["person"] * 2
    for (_, start, end), (true_start, true_end) in zip(visits(told), truth[:2], strict=True):
        assert abs(start - true_start) <= 2.0
        assert abs(end - true_end) <= 2.0
    assert sorted(run.data.glob("pictures/**/*.pgp")) == []
