"""`guardian models` and `guardian bench detect`, as typed."""

import hashlib
import http.server
import json
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from guardian.cli._main import cli
from guardian.detect import catalogue
from guardian.detect.card import Card, ModelFile
from guardian.processes import bench_detect, bench_models, engines
from tests.support.detectors import ONNXRUNTIME, OPENVINO

BODY = b"weights" * 1000


@pytest.fixture(autouse=True)
def _runtimes(monkeypatch):
    monkeypatch.setattr(engines, "runtimes", lambda *_: (OPENVINO, ONNXRUNTIME))
    monkeypatch.setattr(bench_models, "runtimes", lambda *_: (OPENVINO, ONNXRUNTIME))


def guardian(*arguments):
    return CliRunner().invoke(cli, list(arguments))


def answer(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout.splitlines()[-1])


def test_list_as_json(tmp_path):
    items = answer(guardian("models", "list", "--json", "--data", str(tmp_path)))
    assert items["next"] is None
    by_name = {item["name"]: item for item in items["items"]}
    assert by_name["default"]["state"] == "embedded"
    assert by_name["default"]["size_bytes"] == 9928697
    assert by_name["yolox-s"]["state"] == "available"
    assert by_name["yolox-s"]["size_bytes"] == 35858002


def test_list_for_people(tmp_path):
    result = guardian("models", "list", "--data", str(tmp_path))
    assert result.exit_code == 0
    assert "default" in result.output


@pytest.fixture
def published(monkeypatch):
    """Publish one small model on a server of this machine."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(BODY)))
            self.end_headers()
            self.wfile.write(BODY)

        def log_message(self, *_):
            pass

    served = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=served.serve_forever, daemon=True)
    thread.start()
    file = ModelFile(
        name="small.onnx",
        url=f"http://127.0.0.1:{served.server_port}/x",
        sha256=hashlib.sha256(BODY).hexdigest(),
        size_bytes=len(BODY),
    )
    made = catalogue.Catalogue.__init__

    def with_small(self, models_dir: Path) -> None:
        made(self, models_dir)
        self.published = {"small": Card(family="yolo", width=32, height=32, licence="MIT", files=(file,))}

    monkeypatch.setattr(catalogue.Catalogue, "__init__", with_small)
    yield
    served.shutdown()
    served.server_close()
    thread.join()


def test_pull_keeps_the_file_and_the_list_says_installed(tmp_path, published):
    result = answer(guardian("models", "pull", "small", "--json", "--data", str(tmp_path)))
    assert Path(result["paths"][0]).read_bytes() == BODY
    states = {e["name"]: e["state"] for e in answer(guardian("models", "list", "--json", "--data", str(tmp_path)))["items"]}
    assert states == {"default": "embedded", "small": "installed"}


def test_pull_for_people_says_how_to_use_it(tmp_path, published):
    result = guardian("models", "pull", "small", "--data", str(tmp_path))
    assert result.exit_code == 0
    assert 'model = "small"' in result.output
    assert "MIT" in result.output


def test_pull_of_what_is_not_published_names_what_is(tmp_path):
    result = guardian("models", "pull", "yolo99", "--data", str(tmp_path))
    assert result.exit_code == 2
    assert "yolox-s" in result.output


def test_models_bench_measures_every_runtime(tmp_path):
    result = answer(guardian("models", "bench", "default", "--seconds", "0.2", "--json", "--data", str(tmp_path)))
    assert [item["backend"] for item in result["items"]] == ["openvino", "onnxruntime"]
    assert all(item["inferences_per_s"] > 1 and item["latency_ms"] > 0 and not item["problem"] for item in result["items"])


def test_models_bench_tells_why_a_runtime_cannot(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine.tflite").write_bytes(b"nothing")
    (tmp_path / "models" / "mine.toml").write_text('family = "yolo"\nwidth = 32\nheight = 32\n')
    result = guardian("models", "bench", "mine", "--seconds", "0.2", "--data", str(tmp_path))
    assert result.exit_code == 0
    assert "not for ONNX Runtime" in result.output


def test_bench_detect_gives_the_figures(tmp_path, monkeypatch):
    """Here on one thread of this process in place of the real one: the figures of a shared machine say nothing."""

    class Thread:
        def __init__(self, target, args, daemon):
            self.thread = threading.Thread(target=target, args=args)

        def start(self):
            self.thread.start()

        def join(self, seconds):
            self.thread.join(seconds)

    class Context:
        Event, Process = threading.Event, Thread

    monkeypatch.setattr(bench_detect.multiprocessing, "get_context", lambda _: Context)
    result = answer(guardian("bench", "detect", "--seconds", "1", "--json", "--data", str(tmp_path)))
    assert result["inferences_per_s"] > 1
    assert result["baseline_inferences_per_s"] > 1
    assert result["ratio"] == pytest.approx(result["inferences_per_s"] / result["baseline_inferences_per_s"], abs=0.01)
    assert (result["model"], result["backend"]) == ("default", "openvino")
