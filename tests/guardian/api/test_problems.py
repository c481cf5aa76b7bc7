from collections.abc import Callable

import pytest
from aiohttp.test_utils import TestClient

from guardian.model import errors
from guardian.model.errors import GuardianError
from tests.guardian.api.fakes import Fakes


def _kinds(base: type[GuardianError]) -> list[type[GuardianError]]:
    """Those of `model.errors`; another test may have imported a command's own."""
    found = [base, *(kind for child in base.__subclasses__() for kind in _kinds(child))]
    return [kind for kind in found if kind.__module__ == GuardianError.__module__]


@pytest.mark.parametrize("kind", _kinds(GuardianError), ids=lambda kind: kind.__name__)
async def test_each_of_our_errors_is_a_problem(
    client: TestClient, fakes: Fakes, monkeypatch: pytest.MonkeyPatch, kind: Callable[..., GuardianError]
) -> None:
    def fail() -> None:
        raise kind("it went wrong", cure="Do this.", field="that")

    monkeypatch.setattr(fakes.cameras, "list", fail)
    answer = await client.get("/api/v1/cameras")
    body = await answer.json()
    assert answer.status == body["status"] == kind.status  # type: ignore[attr-defined]
    assert (body["detail"], body["cure"], body["field"]) == ("it went wrong", "Do this.", "that")
    assert body["type"] == f"urn:guardian:problem:{body['code']}"


async def test_a_bug_tells_nothing_of_the_inside(client: TestClient, fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("rtsp://admin:hunter2@192.0.2.7")

    monkeypatch.setattr(fakes.cameras, "list", fail)
    answer = await client.get("/api/v1/cameras")
    assert (answer.status, (await answer.json())["code"]) == (500, errors.Bug.code)
    assert "hunter2" not in await answer.text()
