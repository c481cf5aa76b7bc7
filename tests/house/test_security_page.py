"""docs/security.md promises no test that is not there, and leaves no invariant out."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| I(\d+) \|(.*)\|$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def test_each_invariant_has_a_test_or_says_why_not():
    rows = {int(number): text for number, text in ROW.findall(PAGE)}
    assert sorted(rows) == list(range(1, 24))
    assert [number for number, text in rows.items() if not TEST.search(text) and "Not yet" not in text] == []


def test_each_test_that_is_named_is_there():
    named = TEST.findall(PAGE)
    assert len(named) > 30
    for path, function in named:
        source = ROOT / path
        assert source.is_file(), path
        assert not function or re.search(rf"\bdef {function}\(", source.read_text(encoding="utf-8")), f"{path}::{function}"
