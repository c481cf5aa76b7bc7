"""A cloud's image has what the extra [cloud] lists and what that asks for: no codec, no network of neurons."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
CODE = """
import importlib, pkgutil, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {never!r}:
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
import guardian_cloud
for one in pkgutil.walk_packages(guardian_cloud.__path__, "guardian_cloud."):
    if ".migrations." not in one.name:  # alembic gives them what they stand on
        importlib.import_module(one.name)
print(*sorted(name for name in sys.modules if name.startswith("guardian.")))
"""


def closure(lines):
    """Return the distributions that a list of requirements brings."""
    waiting, found = [Requirement(line) for line in lines], set()
    while waiting:
        one = waiting.pop()
        key = (canonicalize_name(one.name), frozenset(one.extras))
        if key in found:
            continue
        found.add(key)
        try:
            asked = [Requirement(line) for line in requires(one.name) or ()]
        except PackageNotFoundError:
            continue
        extras = one.extras or {""}
        waiting += [more for more in asked if more.marker is None or any(more.marker.evaluate({"extra": e}) for e in extras)]
    return {name for name, _ in found}


def test_it_starts_where_only_its_own_list_is_installed():
    with (ROOT / "pyproject.toml").open("rb") as file:
        listed = tomllib.load(file)["project"]["optional-dependencies"]["cloud"]
    there = closure(listed)
    assert {"aiohttp", "yarl", "markupsafe"} <= there
    never = {
        module
        for module, owners in packages_distributions().items()
        if re.fullmatch(r"\w+", module)
        and not module.startswith(("guardian", "_"))
        and not {canonicalize_name(one) for one in owners} & there
    } - set(sys.stdlib_module_names)
    assert {"av", "cv2", "numpy", "openvino", "stevedore"} <= never
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(never=sorted(never))],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'cloud'}:{ROOT / 'frontend'}", "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    rooms = {".".join(name.split(".")[:2]) for name in done.stdout.split()}
    assert rooms == {"guardian.protocol", "guardian.platform", "guardian.model"}
