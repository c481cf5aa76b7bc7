"""Settings as the plugins that bring their kinds see them."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from pydantic import BaseModel, ConfigDict, Field

from guardian.model.errors import BadSetting
from guardian.services.configuration import check_kinds
from guardian.settings.schema import Settings


class Source(BaseModel):
    model_config = ConfigDict(extra="forbid")
    url: str = Field(description="Address of the camera.")
    password: str = ""
    port: int = Field(554, ge=1, description="TCP port.")


@dataclass
class Kind:
    config_model: type[BaseModel]


class Registry:
    """Knows the kind `net`."""

    def camera(self, kind: str) -> Kind:
        if kind != "net":
            raise BadSetting(f"there is no camera kind {kind!r}", cure="Kinds: net.")
        return Kind(Source)

    notifier: Callable[..., Kind] = camera


def faults(source: dict[str, object], kind: str = "net") -> list[tuple[str, str, str]]:
    settings = Settings.model_validate({"cameras": {"front": {"kind": kind, "source": source}}})
    return [(one.field, one.message, one.cure) for one in check_kinds(settings, Registry())]  # type: ignore[arg-type]


def test_right_settings_have_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONT_PASSWORD", "x")
    assert faults({"url": "rtsp://h/", "password": "env:FRONT_PASSWORD"}) == []


def test_faults_name_field_and_cure() -> None:
    assert faults({}) == [("cameras.front.source.url", "is needed", "Add it: Address of the camera.")]
    assert faults({"url": "x", "ulr": "y"})[0][::2] == ("cameras.front.source.ulr", "Did you mean cameras.front.source.url?")
    assert faults({}, "nte")[0] == ("cameras.front.kind", "there is no camera kind 'nte'", "Kinds: net.")
    (missing,) = faults({"url": "x", "password": "env:NO_SUCH_VARIABLE_HERE"})
    assert missing[0] == "cameras.front.source.password"


def test_what_is_given_is_not_repeated() -> None:
    (wrong,) = faults({"url": "x", "port": "hunter2"})
    assert "hunter2" not in repr(wrong)
    assert "TCP port" in wrong[2]


def test_notifiers_are_checked_too() -> None:
    settings = Settings.model_validate({"notify": {"me": {"kind": "net", "settings": {}}}})
    (one,) = check_kinds(settings, Registry())  # type: ignore[arg-type]
    assert one.field == "notify.me.settings.url"
