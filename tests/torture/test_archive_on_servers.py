"""The archive's tests of places once more, where real servers are installed for them (tests/requirements-torture.txt)."""

import pytest

from tests.plugins.filecoin.test_s3_and_kubo import *  # noqa: F403

pytestmark = pytest.mark.torture
