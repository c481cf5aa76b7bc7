import subprocess
import sys

import pytest

LARGE = 1 << 20
COUNT_FAULTS = f"""
import resource, sys
from guardian.platform.limits import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
bytes(b"x" * {LARGE})
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for n in range(50):
    held = [b"%d" % n * {LARGE // 2}, b"%d" % n * {LARGE // 2}]
    del held
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc")
def test_memory_that_is_needed_again_soon_is_not_fetched_anew():
    kept, given_back = (
        int(subprocess.run([sys.executable, "-c", COUNT_FAULTS, how], capture_output=True, text=True, check=True).stdout)
        for how in ("keep", "")
    )
    assert kept < given_back / 4
