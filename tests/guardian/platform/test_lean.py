"""Long-lived processes have no rich in their memory, and whoever wants it later gets it."""

import subprocess
import sys

LOADS = """
import sys
from guardian.platform.lean import load_structlog
load_structlog()
import structlog.dev
assert not [one for one in sys.modules if one.split(".")[0] in ("rich", "pygments")]
import guardian.processes.conductor
assert not [one for one in sys.modules if one.split(".")[0] in ("rich", "pygments", "alembic", "google", "grpc")]
import rich.panel
load_structlog()
assert sys.modules["rich"] is rich
"""


def test_structlog_comes_alone_and_the_conductor_takes_nothing_along_that_it_does_not_need() -> None:
    subprocess.run([sys.executable, "-c", LOADS], check=True)


def test_the_forkserver_has_none() -> None:
    loads = "import sys, guardian.processes.preload; assert 'structlog' in sys.modules; assert 'rich' not in sys.modules"
    subprocess.run([sys.executable, "-c", loads], check=True)
