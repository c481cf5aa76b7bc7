"""Here both stores count."""

import asyncio

import pytest
from guardian_cloud.index.migrate import migrate
from guardian_cloud.settings.schema import Settings


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request, tmp_path):
    if request.param == "postgresql":
        return request.getfixturevalue("pg_settings")
    made = Settings(data_dir=tmp_path)
    asyncio.run(migrate(made))
    return made
