"""The pages' clock on days of 23 and 25 hours, as Node shows it in places that change theirs."""

import itertools
import json
import shutil
import subprocess
from pathlib import Path

import pytest

JS = Path(__file__).parents[2] / "frontend/guardian_frontend/static/js/time.js"
SCRIPT = """
import {{ ticks, offsetsOf, moment, dateTimeInput, fillMoment, momentIn }} from "{module}";
const shown = (ms) => new Date(ms).toTimeString().slice(0, 5);
console.log(JSON.stringify({expression}));
"""


def said(tmp_path: Path, zone: str, expression: str) -> object:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not here")
    (tmp_path / "time.mjs").write_bytes(JS.read_bytes())
    (tmp_path / "run.mjs").write_text(SCRIPT.format(module=(tmp_path / "time.mjs").as_uri(), expression=expression))
    done = subprocess.run(
        [node, str(tmp_path / "run.mjs")], capture_output=True, text=True, env={"TZ": zone, "LC_ALL": "C"}, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def day(zone_midnight: str, hours: int) -> str:
    return f'Date.parse("{zone_midnight}"), Date.parse("{zone_midnight}") + {hours} * 3600000'


@pytest.mark.parametrize(
    ("zone", "midnight", "hours", "shown"),
    [
        ("Europe/Berlin", "2026-03-29T00:00:00+01:00", 23, ["00:00", "06:00", "12:00", "18:00"]),
        ("Europe/Berlin", "2026-10-25T00:00:00+02:00", 25, ["00:00", "06:00", "12:00", "18:00"]),
        ("America/New_York", "2026-11-01T00:00:00-04:00", 25, ["00:00", "06:00", "12:00", "18:00"]),
        ("Asia/Kolkata", "2026-11-01T00:00:00+05:30", 24, ["00:00", "06:00", "12:00", "18:00"]),
    ],
)
def test_labels_stand_at_whole_hours_of_the_readers_clock(
    tmp_path: Path, zone: str, midnight: str, hours: int, shown: list[str]
) -> None:
    assert said(tmp_path, zone, f"ticks({day(midnight, hours)}, 21600).map(shown)") == shown


def test_no_moment_has_two_labels_and_none_is_left_out(tmp_path: Path) -> None:
    long = said(tmp_path, "Europe/Berlin", f"ticks({day('2026-10-25T00:00:00+02:00', 25)}, 3600).map(shown)")
    assert long == ["00:00", "01:00", "02:00", "02:00", *[f"{hour:02}:00" for hour in range(3, 24)]]
    short = said(tmp_path, "Europe/Berlin", f"ticks({day('2026-03-29T00:00:00+01:00', 23)}, 3600).map(shown)")
    assert short == ["00:00", "01:00", *[f"{hour:02}:00" for hour in range(3, 24)]]
    fine = said(tmp_path, "Australia/Lord_Howe", f"ticks({day('2026-04-05T00:00:00+11:00', 24)}, 600)")
    assert isinstance(fine, list)
    assert {b - a for a, b in itertools.pairwise(fine)} == {600_000}


def test_a_day_knows_where_it_begins_and_ends(tmp_path: Path) -> None:
    assert said(tmp_path, "Europe/Berlin", 'offsetsOf("2026-10-25")') == [-120, -60]
    assert said(tmp_path, "Europe/Berlin", 'offsetsOf("2026-07-01")') == [-120, -120]
    assert said(tmp_path, "America/New_York", 'offsetsOf("2026-03-08")') == [300, 240]


def test_yesterday_is_the_day_before_also_after_25_hours(tmp_path: Path) -> None:
    now = 'Date.parse("2026-10-26T00:30:00+01:00")'
    script = f'(() => {{ Date.now = () => {now}; return moment(Date.parse("2026-10-25T00:10:00+02:00"), "short"); }})()'
    assert str(said(tmp_path, "Europe/Berlin", script)).startswith("Yesterday")


@pytest.mark.parametrize(
    ("zone", "midnight", "hours", "step", "shown"),
    [
        ("Europe/Berlin", "2026-10-25T00:00:00+02:00", 9, 7200, ["00:00", "02:00", "04:00", "06:00"]),
        ("America/Havana", "2026-11-01T00:00:00-04:00", 25, 43_200, ["00:00", "12:00"]),
        ("Europe/London", "2026-03-29T00:00:00+00:00", 7, 7200, ["00:00", "04:00", "06:00"]),
        ("Europe/London", "2026-03-29T00:00:00+00:00", 4, 3600, ["00:00", "02:00", "03:00", "04:00"]),
    ],
)
def test_labels_never_lie_on_each_other(
    tmp_path: Path, zone: str, midnight: str, hours: int, step: int, shown: list[str]
) -> None:
    span = day(midnight, hours)
    assert said(tmp_path, zone, f"ticks({span}, {step}).map(shown)") == shown
    ticks = said(tmp_path, zone, f"ticks({span}, {step})")
    assert isinstance(ticks, list)
    assert min(after - before for before, after in itertools.pairwise(ticks)) > step * 500


def test_a_filled_in_moment_stays_the_second_of_an_hour_that_comes_twice(tmp_path: Path) -> None:
    first, second = "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"
    script = """(() => {{ const input = {{ dataset: {{}} }}; fillMoment(input, Date.parse("{at}") + 250);
      return [input.value, momentIn(input).getTime() === Date.parse("{at}")]; }})()"""
    for at in (first, second):
        assert said(tmp_path, "Europe/Berlin", script.format(at=at)) == ["2026-10-25T02:30:00", True]
    typed = f"""(() => {{ const input = {{ dataset: {{}} }}; fillMoment(input, Date.parse("{second}"));
      input.value = "2026-10-25T05:00"; return momentIn(input).toISOString(); }})()"""
    assert said(tmp_path, "Europe/Berlin", typed) == "2026-10-25T04:00:00.000Z"
