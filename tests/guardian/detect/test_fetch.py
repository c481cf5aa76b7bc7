"""Fetching over real HTTP from this machine: right bytes are kept, wrong ones never get the file's name."""

import hashlib
import http.server
import threading
from typing import ClassVar

import pytest

from guardian.detect.card import Card, ModelFile
from guardian.detect.fetch import fetch
from guardian.model.errors import Damaged, ServiceUnavailable

BODY = bytes(range(256)) * 4000


@pytest.fixture
def server():
    class Handler(http.server.BaseHTTPRequestHandler):
        asked: ClassVar[list[str]] = []

        def do_GET(self):
            self.asked.append(self.path)
            body = {"/good": BODY, "/altered": BODY[:-1] + b"?", "/short": BODY[:-1], "/long": BODY + b"more"}.get(self.path)
            self.send_response(200 if body else 404)
            self.send_header("Content-Length", str(len(BODY) if self.path == "/cut" else len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_):
            pass

    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=served.serve_forever, daemon=True)
    thread.start()
    served.asked = Handler.asked
    yield served
    served.shutdown()
    served.server_close()
    thread.join()


def card(server, *paths):
    files = tuple(
        ModelFile(
            name=f"{path}.onnx",
            url=f"http://127.0.0.1:{server.server_port}/{path}",
            sha256=hashlib.sha256(BODY).hexdigest(),
            size_bytes=len(BODY),
        )
        for path in paths
    )
    return Card(family="yolo", width=32, height=32, files=files)


def test_right_bytes_are_kept_and_progress_is_told(server, tmp_path):
    told = []
    [path] = fetch(card(server, "good"), tmp_path / "models" / "x", lambda done, total: told.append((done, total)))
    assert path.read_bytes() == BODY
    assert path.stat().st_mode & 0o777 == 0o600
    assert told[-1] == (len(BODY), len(BODY))
    assert told == sorted(told)


def test_what_is_there_and_right_is_not_fetched_again(server, tmp_path):
    fetch(card(server, "good"), tmp_path, lambda *_: None)
    fetch(card(server, "good"), tmp_path, lambda *_: None)
    assert server.asked == ["/good"]
    (tmp_path / "good.onnx").write_bytes(b"rot")
    fetch(card(server, "good"), tmp_path, lambda *_: None)
    assert (tmp_path / "good.onnx").read_bytes() == BODY


@pytest.mark.parametrize("path", ["altered", "short", "long"])
def test_wrong_bytes_are_thrown_away(server, tmp_path, path):
    with pytest.raises(Damaged, match="checksum"):
        fetch(card(server, path), tmp_path, lambda *_: None)
    assert list(tmp_path.iterdir()) == []


def test_missing_and_unreachable(server, tmp_path):
    with pytest.raises(ServiceUnavailable, match="Not Found"):
        fetch(card(server, "nothing"), tmp_path, lambda *_: None)
    gone = card(server, "good")
    server.shutdown()
    server.server_close()
    with pytest.raises(ServiceUnavailable, match="could not be fetched"):
        fetch(gone, tmp_path, lambda *_: None)
    assert list(tmp_path.iterdir()) == []
