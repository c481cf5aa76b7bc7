from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from guardian.api.app import make_api
from guardian.api.probes import probe_routes
from tests.guardian.api.fakes import TOKEN, Fakes


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


@pytest.fixture
async def server(fakes: Fakes) -> AsyncIterator[TestServer]:
    root = web.Application()
    root.add_subapp("/api/v1", make_api(fakes.services()))
    root.add_routes(probe_routes(fakes.services()))
    server = TestServer(root)
    await server.start_server()
    yield server
    await server.close()


@pytest.fixture
async def client(server: TestServer) -> AsyncIterator[TestClient]:
    """Logged in with a token."""
    async with TestClient(server, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        yield client


@pytest.fixture
async def stranger(server: TestServer) -> AsyncIterator[TestClient]:
    """Nobody."""
    async with TestClient(server) as client:
        yield client
