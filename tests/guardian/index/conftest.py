from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from guardian.index.engine import IndexFile, open_index


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[IndexFile]:
    opened = await open_index(tmp_path / "index.db")
    yield opened
    await opened.close()
