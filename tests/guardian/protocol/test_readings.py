"""Only readings that docs/protocol.md lists go on."""

from pathlib import Path

from guardian.protocol.readings import READINGS, known

PAGE = Path(__file__).parents[3] / "docs" / "protocol.md"


def test_what_is_not_on_the_list_is_left_out():
    assert known({"uptime_s": 5, "persons_seen": 3, "cpu_percent": float("nan"), "clips": float("inf")}) == {"uptime_s": 5.0}


def test_the_page_lists_them_all():
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name, meaning in READINGS.items() if f"| `{name}` | {meaning} |" not in text] == []
