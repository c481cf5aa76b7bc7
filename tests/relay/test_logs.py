"""Whatever is given to the log, only what is on the list comes out."""

import json
import logging

import structlog
from guardian_relay.logs import EVENTS, FIELDS, LONGEST_TEXT, only_listed, set_up_logs
from hypothesis import given
from hypothesis import strategies as st

anything = st.recursive(st.none() | st.booleans() | st.integers() | st.text() | st.binary(), lambda one: st.lists(one) | st.dictionaries(st.text(), one), max_leaves=5)  # fmt: skip


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)) | st.text(), anything), st.text())
def test_no_other_field_and_no_other_event(fields, event):
    kept = only_listed(None, "", {**fields, "event": event})
    assert set(kept) <= FIELDS | {"event"}
    assert kept["event"] in EVENTS | {"unlisted_event"}
    for value in kept.values():
        assert value is None or isinstance(value, bool | int | float | str)
        assert not isinstance(value, str) or len(value) <= LONGEST_TEXT


def test_neither_an_errors_text_nor_a_librarys_line_gets_out(capsys):
    set_up_logs()
    try:
        raise ValueError("person at the front door")
    except ValueError as error:
        structlog.get_logger().error("task_died", task="x", exc_info=error, camera="front door")
    logging.getLogger("grpc").warning("metadata of the front door")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines] == ["task_died", "foreign_log"]
    assert lines[0]["error"] == "ValueError"
    assert "front" not in json.dumps(lines)
