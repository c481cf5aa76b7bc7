import re
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient
from openapi_spec_validator import validate

from guardian.api.app import OPERATIONS
from guardian.api.openapi import document
from guardian.model.ids import CAMERA_ID

ISSUE = {
    "/cameras",
    "/cameras/{camera}/recordings",
    "/cameras/{camera}/hls/index.m3u8",
    "/cameras/{camera}/live",
    "/events",
    "/events/{event}",
    "/events/{event}/snapshot.jpg",
    "/events/{event}/clip.mp4",
    "/events/stream",
    "/exports",
}


def test_the_document_is_valid_openapi() -> None:
    validate(document(OPERATIONS))


def test_the_document_names_every_route_that_was_promised() -> None:
    paths = document(OPERATIONS)["paths"]
    assert set(paths) >= ISSUE
    assert "/cameras/{camera}/hls/{segment}-{index}.m4s" in paths


def test_every_operation_says_what_it_does_and_may_end_without_a_login() -> None:
    for path, methods in document(OPERATIONS)["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"].endswith("."), f"{method} {path}"
            assert "401" in operation["responses"], f"{method} {path}"


def test_parameters_come_from_the_models() -> None:
    listing = document(OPERATIONS)["paths"]["/events"]["get"]
    parameters = {one["name"]: one for one in listing["parameters"]}
    assert parameters["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 500, "default": 50}
    assert parameters["start"]["schema"]["format"] == "date-time"
    assert not parameters["camera"]["required"]


async def test_the_document_is_served(client: TestClient) -> None:
    answer = await client.get("/api/v1/openapi.json")
    assert answer.status == 200
    assert (await answer.json())["openapi"].startswith("3.1")


def _address(path: str) -> str:
    return "/api/v1" + re.sub(r"{\w+}", "x", path)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{one.method} {one.plain_path}")
async def test_nothing_answers_without_a_login(stranger: TestClient, operation) -> None:
    answer = await stranger.request(operation.method, _address(operation.plain_path))
    assert answer.status == 401
    assert answer.content_type == "application/problem+json"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "guardian token create" in (await answer.json())["cure"]


@pytest.mark.parametrize("path", ["/api/v1/openapi.json", "/api/v1/nothing", "/api/v1/", "/metrics", "/readyz"])
async def test_not_even_what_is_not_there(stranger: TestClient, path: str) -> None:
    assert (await stranger.get(path)).status == 401


async def test_what_is_not_there_is_a_problem(client: TestClient) -> None:
    answer = await client.get("/api/v1/nothing")
    body = await answer.json()
    assert (answer.status, answer.content_type, body["code"]) == (404, "application/problem+json", "not_found")
    wrong = await client.post("/api/v1/cameras")
    assert wrong.status == 405
    assert "GET" in wrong.headers["Allow"]


def test_every_route_stands_on_its_page() -> None:
    page = (Path(__file__).parents[3] / "docs/reference/api.md").read_text(encoding="utf-8")
    missing = [path for path in document(OPERATIONS)["paths"] if path not in page]
    assert not missing


def test_what_can_be_asked_wrongly_says_so() -> None:
    described = document(OPERATIONS)["paths"]
    for one in OPERATIONS:
        if one.query is not None or one.body is not None:
            assert "400" in described[one.plain_path][one.method.lower()]["responses"], one.plain_path


def test_a_camera_of_the_document_is_what_is_taken_for_one() -> None:
    parameters = document(OPERATIONS)["paths"]["/events"]["get"]["parameters"]
    pattern = next(one for one in parameters if one["name"] == "camera")["schema"]["pattern"]
    assert pattern == "^" + CAMERA_ID.pattern.removesuffix(r"\Z") + "$"
