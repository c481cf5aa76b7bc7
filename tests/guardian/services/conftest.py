from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from guardian.index.engine import IndexFile, open_index
from guardian.vault.keyring import Keyring
from tests.support.recorded import T0


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[IndexFile]:
    opened = await open_index(tmp_path / "index.db")
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    """An unlocked vault, not to be changed."""
    return Keyring.create(tmp_path_factory.mktemp("vault"), "correct horse battery staple", now_us=T0)
