from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestClient, TestServer

from guardian.api.app import make_api
from guardian.api.probes import probe_routes
from guardian.web.app import make_web
from tests.guardian.api.fakes import COOKIE
from tests.guardian.web.fakes import WebFakes


@pytest.fixture
def fakes() -> WebFakes:
    return WebFakes()


@pytest.fixture
async def server(fakes: WebFakes) -> AsyncIterator[TestServer]:
    services = fakes.services()
    server = TestServer(make_web(services, make_api(services), probe_routes(services)))
    await server.start_server()
    yield server
    await server.close()


@pytest.fixture
async def client(server: TestServer) -> AsyncIterator[TestClient]:
    """Logged in with the cookie."""
    async with TestClient(server, cookies={"guardian_session": COOKIE}) as client:
        yield client


@pytest.fixture
async def stranger(server: TestServer) -> AsyncIterator[TestClient]:
    """Nobody."""
    async with TestClient(server) as client:
        yield client
