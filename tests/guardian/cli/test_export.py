import json
import sys
from pathlib import Path

import av
import pytest
from click.testing import CliRunner, Result

from guardian.cli._main import cli
from guardian.model.media import Codec
from guardian.vault.keyring import Keyring
from tests.support.footage import stream, video
from tests.support.sealed import T0, Camera

SECRET = "correct horse battery staple"
SPAN = ("--start", "2026-11-23T00:00:00Z", "--end", "2026-11-23T01:01:00+01:00")


class Run:
    """The command, on a data folder with footage."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.data, self.monkeypatch = folder / "data", monkeypatch
        self.output = folder / "door.mp4"
        self.secret = folder / "secret"
        self.secret.write_text(SECRET + "\n")
        self.keyring = Keyring.create(self.data / "vault", SECRET, now_us=T0)

    def record(self, codec: Codec = Codec.H264, finish: bool = True) -> None:
        Camera(self.data, self.keyring).run(*stream(video(codec), Codec.AAC), segment_s=2, finish=finish)

    def __call__(self, *words: str, typed: str = "") -> Result:
        arguments = ["export", *words, "--data", str(self.data)]
        self.monkeypatch.setattr(sys, "argv", ["guardian", *arguments])
        return CliRunner().invoke(cli, arguments, input=typed)

    def export(self, *words: str, typed: str = "") -> Result:
        return self("front", *SPAN, "-o", str(self.output), "--passphrase-file", str(self.secret), *words, typed=typed)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(tmp_path, monkeypatch)


def error(result: Result) -> dict[str, str]:
    return json.loads(result.stdout.splitlines()[-1])["error"]


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
@pytest.mark.parametrize("finish", [True, False], ids=["at rest", "while it is recorded"])
def test_an_export_has_every_frame(run: Run, codec: Codec, finish: bool) -> None:
    run.record(codec, finish)
    result = run.export("--json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout.splitlines()[-1])
    assert said == {
        "file": str(run.output),
        "camera": "front",
        "cameras": ["front"],
        "start": "2026-11-23T00:00:00.000Z",
        "end": "2026-11-23T00:01:00.000Z",
        "size_bytes": run.output.stat().st_size,
        "note": "",
    }
    assert run.output.stat().st_mode & 0o777 == 0o600
    with av.open(str(run.output)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 60


def test_the_passphrase_is_asked_for(run: Run) -> None:
    run.record()
    result = run("front", *SPAN, "-o", str(run.output), typed=SECRET + "\n")
    assert result.exit_code == 0, result.output
    assert SECRET not in result.output
    assert run.output.exists()


def test_a_wrong_passphrase_writes_nothing(run: Run) -> None:
    run.record()
    run.secret.write_text("a guess that is long enough")
    result = run.export("--json")
    assert (result.exit_code, error(result)["code"]) == (2, "wrong_passphrase")
    assert sorted(path.name for path in run.output.parent.iterdir()) == ["data", "secret"]


def test_a_file_that_is_there_is_kept_unless_forced(run: Run) -> None:
    run.record()
    run.output.write_text("mine")
    refused = run.export("--json")
    assert (refused.exit_code, error(refused)["code"]) == (2, "conflict")
    assert run.output.read_text() == "mine"
    assert run.export("--force").exit_code == 0
    assert run.output.read_bytes()[4:8] == b"ftyp"


def test_no_plain_file_gets_into_the_data_folder(run: Run) -> None:
    run.record()
    result = run("front", *SPAN, "-o", str(run.data / "x.mp4"), "--passphrase-file", str(run.secret), "--json")
    assert (result.exit_code, error(result)["field"]) == (2, "--output")


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (("attic", *SPAN), "CAMERA"),
        (("../front", *SPAN), "CAMERA"),
        (("front", "--start", "noon", "--end", "2026-11-23T00:01:00Z"), "--start"),
        (("front", "--start", "2026-11-23T00:01:00Z", "--end", "2026-11-23T00:00:00Z"), "end"),
        (("front", "--start", "2026-11-24T00:01:00Z", "--end", "2026-11-24T00:02:00Z"), "start"),
    ],
)
def test_a_mistake_is_named_with_a_cure(run: Run, words: tuple[str, ...], field: str) -> None:
    run.record()
    result = run(*words, "-o", str(run.output), "--passphrase-file", str(run.secret), "--json")
    assert (result.exit_code, error(result)["field"]) == (2, field)
    assert error(result)["cure"]
    assert not run.output.exists()


def test_a_folder_without_a_vault_is_a_mistake(run: Run, tmp_path: Path) -> None:
    run.data = tmp_path / "nothing"
    result = run.export("--json")
    assert (result.exit_code, error(result)["field"]) == (2, "--data")


def test_standard_output(run: Run) -> None:
    run.record()
    result = run("front", *SPAN, "-o", "-", "--passphrase-file", str(run.secret))
    assert result.exit_code == 0
    assert result.stdout_bytes[4:8] == b"ftyp"
