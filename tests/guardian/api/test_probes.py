import pytest
from aiohttp.test_utils import TestClient

from guardian.model.errors import ServiceUnavailable
from tests.guardian.api.fakes import Fakes


async def test_healthz_answers_strangers_and_says_nothing(stranger: TestClient) -> None:
    answer = await stranger.get("/healthz")
    assert (answer.status, await answer.json()) == (200, {"status": "ok"})


async def test_readyz_says_what_is_missing(client: TestClient, fakes: Fakes) -> None:
    assert (await client.get("/readyz")).status == 200
    fakes.health.missing = ("camera front",)
    answer = await client.get("/readyz")
    assert (answer.status, await answer.json()) == (503, {"status": "starting", "missing": ["camera front"]})


async def test_metrics_can_be_read_by_prometheus(client: TestClient) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    answer = await client.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    families = {one.name: one for one in text_string_to_metric_families(await answer.text())}
    up = {sample.labels["camera"]: sample.value for sample in families["guardian_camera_up"].samples}
    assert up == {"front": 1.0, "yard": 0.0}
    assert families["guardian_disk_free_bytes"].samples[0].value == 500
    assert families["guardian_camera_reconnects"].samples[0].value == 2
    assert families["guardian_process_memory_bytes"].samples[0].labels == {"role": "camera", "name": "front"}


async def test_a_probe_that_fails_is_a_problem(client: TestClient, fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail() -> None:
        raise ServiceUnavailable("the index is away", cure="Wait.")

    monkeypatch.setattr(fakes.health, "system", fail)
    answer = await client.get("/metrics")
    assert (answer.status, (await answer.json())["code"]) == (503, "unavailable")
