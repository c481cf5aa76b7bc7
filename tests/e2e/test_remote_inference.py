"""A Guardian whose pictures another process looks at, over TLS: it goes away, the local model stands in; it returns, and is used."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from tests.guardian.processes.test_infer_service import tls  # noqa: F401 - a fixture
from tests.support.house import set_up
from tests.support.program import environment, guardian, wait_for
from tests.torture.test_inference_faults import DEMO, inference, let_in, recorded

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]
TOKEN = "e2e-" + "t" * 40


@contextmanager
def served(folder, listen, cert, key):
    command = [
        sys.executable,
        "-m",
        "guardian",
        "infer",
        "serve",
        "--listen",
        listen,
        "--token-file",
        str(folder / "tokens"),
    ]
    process = subprocess.Popen(
        [*command, "--tls-cert", str(cert), "--tls-key", str(key), "--data", str(folder / "far"), "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    try:
        yield process, json.loads(process.stdout.readline())["http"]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)
        process.stdout.close()


def test_away_and_back(tmp_path, tls):  # noqa: F811
    from guardian.services.demo import CLIP

    (tmp_path / "tokens").write_text(f"edge {TOKEN}\n")
    (tmp_path / "tokens").chmod(0o600)
    (tmp_path / "far").mkdir(mode=0o700)
    (tmp_path / "token").write_text(TOKEN + "\n")
    with served(tmp_path, "127.0.0.1:0", *tls) as (_, address):
        settings = (
            f'[detector]\nbackend = "remote"\n[plugins.settings.remote_detector]\nurl = "https://{address}"\n'
            f'token = "file:{tmp_path / "token"}"\nca_file = "{tls[0]}"\ndeadline_s = 8\n'
        )
        set_up(tmp_path / "data", DEMO % CLIP + settings)
        with guardian("run", "--data", str(tmp_path / "data"), data=tmp_path / "data") as program:
            let_in(program)
            wait_for(lambda: inference(program)["backend"] == "remote", 60, "the remote one")
            assert address in inference(program)["device"]
            wait_for(lambda: inference(program)["inferences_per_s"] > 0, 60, "looks over there")
            pids, spans = program.pids(), len(recorded(program))
            _.send_signal(signal.SIGKILL)
            _.wait(10)
            wait_for(lambda: inference(program)["backend"] == "openvino", 120, "the local model")
            assert "Until then default runs on CPU" in inference(program)["warning"]
            wait_for(lambda: inference(program)["inferences_per_s"] > 0, 60, "looks here")
            with served(tmp_path, address, *tls):
                wait_for(lambda: inference(program)["backend"] == "remote", 60, "the remote one again")
                wait_for(lambda: inference(program)["warning"] == "", 10, "no warning")
                assert program.pids() == pids
                # While it still serves: once it ends, the local model stands in again, rightly.
                assert len([line for line in program.log if "runtime_fallback" in line]) == 1
            assert len(recorded(program)) == spans
            assert len([line for line in program.log if "detector_back" in line]) == 1
            assert not [line for line in program.log if TOKEN in line]
