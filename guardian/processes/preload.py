"""What the forkserver imports once for all its children. Importing this is the work; it holds nothing."""

import guardian.processes.camera  # noqa: F401 - its libraries are what the children share
from guardian.platform.limits import settle_memory

settle_memory()
