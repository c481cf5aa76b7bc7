"""The cloud's own tests once more, by configuration alone on PostgreSQL, Redis and RabbitMQ, all of them real."""

import pytest
from guardian_cloud.settings.schema import Ephemeral, Queue
from pydantic import SecretStr

from tests.cloud.conftest import *  # noqa: F403
from tests.cloud.processes.test_flows import *  # noqa: F403
from tests.cloud.processes.test_notifying import *  # noqa: F403
from tests.support import rabbit_server

pytestmark = pytest.mark.torture


@pytest.fixture(scope="module")
def rabbit(tmp_path_factory):
    if reason := rabbit_server.why_not():
        pytest.skip(reason)
    server = rabbit_server.RabbitServer(tmp_path_factory.mktemp("rabbit")).start()
    yield server
    server.stop()


@pytest.fixture(params=["postgresql, redis, rabbitmq"])
def settings(pg_settings, redis, rabbit):
    parts = {"ephemeral": Ephemeral(redis_url=SecretStr(redis.url)), "queue": Queue(amqp_url=SecretStr(rabbit.url))}
    return pg_settings.model_copy(update=parts)
