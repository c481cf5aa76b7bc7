"""A relay host has what the extra [relay] lists and nothing else: no codec, no network of neurons, no page of the edge."""

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
NEVER = (
    "av",
    "cv2",
    "numpy",
    "openvino",
    "onnxruntime",
    "jinja2",
    "pluggy",
    "stevedore",
    "rich",
    "segno",
    "psutil",
    "argon2",
)
CODE = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {never!r}:
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
import guardian_relay.cli, guardian_relay.doctor, guardian_relay.processes.relay
print(*sorted({{name.split(".")[0] for name in sys.modules}}))
print(*sorted(name for name in sys.modules if name.startswith("guardian.")))
"""


def test_it_starts_where_only_its_own_list_is_installed():
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(never=NEVER)],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'relay'}:{ROOT / 'frontend'}", "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    found, ours = (set(line.split()) for line in done.stdout.splitlines())
    rooms = {".".join(name.split(".")[:2]) for name in ours}
    assert rooms == {"guardian.protocol", "guardian.platform", "guardian.model"}
    with (ROOT / "pyproject.toml").open("rb") as file:
        listed = tomllib.load(file)["project"]["optional-dependencies"]["relay"]
    names = {line.split(">")[0].split("[")[0] for line in listed}
    for module, name in (("aiohttp", "aiohttp"), ("grpc", "grpcio"), ("sqlalchemy", "sqlalchemy"), ("google", "protobuf"), ("click", "click"), ("structlog", "structlog"), ("pydantic", "pydantic"), ("cryptography", "cryptography")):  # fmt: skip
        assert module in found
        assert name in names
