"""What is wrong with zones, lines, masks, hours and labels: each fault has its field and its cure."""

import pytest

from guardian.settings.load import validate

SQUARE = [[0, 0], [1, 0], [1, 1], [0, 1]]


def faults(detect, **more):
    settings, found = validate({"cameras": {"a": {"kind": "file", "detect": detect}}, **more})
    assert (settings is None) is bool(found)
    return [(fault.field.removeprefix("cameras.a.detect."), fault.message, fault.cure) for fault in found]


def zone(**values):
    return {"zones": {"yard": {"points": SQUARE, **values}}}


@pytest.mark.parametrize(
    ("detect", "field", "message", "cure"),
    [
        ({"zones": {"yard": {"points": SQUARE[:2]}}}, "zones.yard.points", "at least three points, not 2", "lines"),
        (
            {"zones": {"yard": {"points": [[0, 0], [1.2, 0], [1, 1]]}}},
            "zones.yard.points",
            "point 2 (1.2, 0) lies outside the picture",
            "0..1",
        ),
        ({"zones": {"yard": {"points": [[0, 0], [0, -0.1], [1, 1]]}}}, "zones.yard.points", "outside the picture", "0..1"),
        ({"zones": {"yard": {"points": [[0, 0], [1, 1], [1, 0], [0, 1]]}}}, "zones.yard.points", "crosses itself", "order"),
        ({"zones": {"yard": {"points": [*SQUARE, SQUARE[-1]]}}}, "zones.yard.points", "one corner twice", "Leave one"),
        ({"zones": {"yard": {"points": [[0, 0], [0.001, 0], [0, 0.001]]}}}, "zones.yard.points", "too small", "larger"),
        (
            {"zones": {"yard": {"points": [[i / 99, (i % 2) / 2] for i in range(99)]}}},
            "zones.yard.points",
            "99 points",
            "64",
        ),
        ({**zone(), "lines": {"Yard": {"points": [[0, 0], [1, 1]]}}}, "lines.Yard", "already zones.yard", "name of its own"),
        ({"zones": {"": {"points": SQUARE}}}, "zones.", "no name", "1 to 64"),
        (zone(labels=["persn"]), "zones.yard.labels", "'persn' is none of", "Did you mean person?"),
        ({"rules": {"boat": {}}}, "rules.boat", "'boat' is none of", "detect.labels"),
        (zone(schedule=["mon-fri 8-18"]), "zones.yard.schedule", "'8-18' are no hours", "Write it like"),
        ({"schedule": ["25:00-26:00"]}, "schedule", "'25:00' is no time of the day", "00:00 to 24:00"),
        ({"schedule": ["noday"]}, "schedule", "'noday' is no weekday", "mon, tue"),
        (zone(makes_event="loiter"), "zones.yard.loiter_s", "is needed", "how many seconds"),
        (zone(makes_event="sometimes"), "zones.yard.makes_event", "'enter', 'loiter' or 'never'", "What must happen"),
        (zone(loiter_s=601), "zones.yard.loiter_s", "600", "loiters"),
        ({"require_zone": True}, "require_zone", "no zone or line", "Draw one"),
        ({"lines": {"gate": {"points": SQUARE}}}, "lines.gate.points", "two different points", "zones"),
        ({"lines": {"gate": {"points": [[0, 0], [0, 0]]}}}, "lines.gate.points", "two different points", "[[x, y]"),
        ({"lines": {"gate": {"points": [[0, 0], [2, 0]]}}}, "lines.gate.points", "outside", "0..1"),
        ({"masks": [SQUARE[:2]]}, "masks.0", "at least three", "Corners"),
        ({"object_masks": {"tree": {"points": SQUARE, "labels": ["elf"]}}}, "object_masks.tree.labels", "'elf'", "Labels:"),
        ({"rules": {"cat": {"min_area": 0.5, "max_area": 0.1}}}, "rules.cat.min_area", "max_area", "Lower"),
        ({"rules": {"cat": {"min_ratio": 2, "max_ratio": 1}}}, "rules.cat.min_ratio", "max_ratio", "Lower"),
        ({"rules": {"cat": {"min_score": 2}}}, "rules.cat.min_score", "less than or equal to 1", "Least score"),
    ],
)
def test_a_fault_has_a_field_and_a_cure(detect, field, message, cure):
    found = faults(detect)
    assert [one[0] for one in found] == [field]
    assert message in found[0][1]
    assert cure in found[0][2]


@pytest.mark.parametrize(
    ("name", "cure"), [("Europe/Berln", "Did you mean Europe/Berlin?"), ("nowhere at all", ""), ("Europe", "")]
)
def test_a_time_zone_that_is_none(name, cure):
    ((field, message, told),) = faults({}, place={"time_zone": name})
    assert field == "place.time_zone"
    assert repr(name) in message
    assert cure in told
    assert told


def test_what_is_right():
    detect = {
        **zone(labels=["cat"], loiter_s=10, makes_event="loiter", schedule=["22:00-06:00"]),
        "lines": {"gate": {"points": [[0, 0], [1, 1]], "direction": "left"}},
        "object_masks": {"tree": {"points": SQUARE}},
        "masks": [SQUARE],
        "rules": {"cat": {"min_score": 0.5, "min_area": 0.01, "max_area": 0.5, "min_frames": 5}},
        "schedule": ["mon-fri 08:00-18:00", "sat,sun"],
        "require_zone": True,
    }
    assert faults(detect, place={"time_zone": "Europe/Berlin"}) == []


def test_a_zone_written_twice_is_named(tmp_path):
    from guardian.settings.load import check

    twice = "[cameras.a.detect.zones.yard]\npoints = []\n"
    (tmp_path / "config.toml").write_text(f"[cameras.a]\nkind = 'x'\n{twice}{twice}")
    _, (fault,) = check(tmp_path)
    assert "yard" in fault.message
