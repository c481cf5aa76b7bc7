"""What the forkserver imports once for all its children. Importing this is the work; it holds nothing."""

from guardian.platform.lean import load_structlog

load_structlog()  # before anything else does

import guardian.processes.camera  # noqa: E402, F401 - its libraries are what the children share
from guardian.platform.limits import settle_memory  # noqa: E402

settle_memory()
