import json
import logging
import sys
import threading

import pytest
import structlog

from guardian.platform.logs import redact, set_up_logs


@pytest.fixture(autouse=True)
def as_before():
    yield
    structlog.reset_defaults()


def test_credentials_leave_urls():
    assert (
        redact("cannot open rtsp://admin:s3cret@192.0.2.7/x and http://u@h/")
        == "cannot open rtsp://…@192.0.2.7/x and http://…@h/"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://me:s3c/ret@h/x", "rtsp://…@h/x"),
        ("rtsp://me:s3c@ret@h/x failed", "rtsp://…@h/x failed"),
        ("RTSP://me:s3c#ret@h/x, at me@example.org", "RTSP://…@h/x, at me@example.org"),
        ("http://h/snap?user=me&password=s3cret&n=1", "http://h/snap?user=me&password=…&n=1"),
        ("rtsp://h/x", "rtsp://h/x"),
    ],
)
def test_people_write_anything_into_a_password(text, shown):
    assert redact(text) == shown


def test_json_logs_hold_no_secret(capsys):
    set_up_logs(as_json=True)
    structlog.get_logger("t").warning("camera_failed", url="rtsp://admin:s3cret@h/", password="hunter2", camera="door")
    line = json.loads(capsys.readouterr().err)
    assert line["camera"] == "door"
    assert line["event"] == "camera_failed"
    assert "s3cret" not in str(line)
    assert "hunter2" not in str(line)


@pytest.mark.parametrize("as_json", [True, False])
def test_a_traceback_shows_neither_local_variables_nor_credentials(capsys, as_json):
    set_up_logs(as_json=as_json)
    try:
        fail()
    except OSError:
        structlog.get_logger("t").exception("task_died")
        logging.getLogger("asyncio").exception("never retrieved")
    said = capsys.readouterr().err
    assert said.count("in fail") == 2
    assert "hunter2" not in said
    assert "s3cret" not in said


def fail():
    passphrase = "".join(("hunt", "er2"))
    raise OSError("cannot open rtsp://admin:s3" + "cret@h/", len(passphrase))


def test_what_holds_everywhere_stands_in_lines_of_every_thread(capsys):
    set_up_logs(as_json=True, camera="door")
    thread = threading.Thread(target=structlog.get_logger("t").warning, args=("stream_retrying",))
    thread.start()
    thread.join()
    assert json.loads(capsys.readouterr().err)["camera"] == "door"


def test_a_line_is_written_at_once_so_that_those_of_several_processes_do_not_mingle(monkeypatch):
    written = []

    class Pipe:
        def write(self, text):
            written.append(text)

        def flush(self):
            pass

        def isatty(self):
            return False

    monkeypatch.setattr(sys, "stderr", Pipe())
    set_up_logs()
    structlog.get_logger("t").warning("camera_failed")
    assert len(written) == 1
    assert written[0].endswith("\n")
