"""Every setting explained."""

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, HttpUrl

from guardian.settings.explain import explain, explain_part


def test_every_setting_has_a_type_and_a_meaning() -> None:
    for one in explain():
        assert one.type, one
        assert one.description.endswith("."), one


def test_ranges_choices_and_defaults() -> None:
    found = {one.path: one for one in explain()}
    assert found["web.port"].type == "whole number, 0 to 65535"
    assert found["cameras.<name>.detect.fps"].type == "number, above 0, at most 30", "0 itself is refused"
    assert found["storage.days"].type == "number or none, above 0"
    assert found["log.format"].type == "text or json"
    assert found["cameras.<name>.kind"].default == ""
    assert found["cameras.<name>.retention.days"].default == '"none"', "the part's default, not the class's"
    assert found["cameras.<name>.detect.zones.<name>.points"].type == "list of (number, number)"


def test_defaults_are_toml() -> None:
    for one in explain():
        if one.default:
            tomllib.loads(f"x = {one.default}")


def test_a_prefix_chooses() -> None:
    assert {one.path.split(".")[0] for one in explain("vault")} == {"vault"}
    assert explain("nothing") == ()


def test_the_settings_of_a_plugins_kind() -> None:
    class Kind(BaseModel):
        path: Path
        url: HttpUrl | None = None
        transport: Literal["tcp", "udp"] = "tcp"

    found = explain_part(Kind, "cameras.<name>.source.")
    assert [(one.path.rpartition(".")[2], one.type, one.default) for one in found] == [
        ("path", "path", ""),
        ("url", "web address or none", '"none"'),
        ("transport", "tcp or udp", '"tcp"'),
    ]
