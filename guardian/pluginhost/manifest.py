"""`plugin.toml`: what a plugin says of itself, read before any of its code runs."""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from guardian.model.errors import BadSetting


class Permissions(BaseModel):
    """What a plugin wants to touch; shown to the owner."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    network: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    events: str = ""
    cameras: str = ""
    footage: str = ""
    pictures: bool = False


class Manifest(BaseModel):
    """The manifest's fields. `api` is the lowest SDK level it needs; `needs` are importable packages it cannot do without."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    api: int = Field(ge=1)
    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")
    title: str
    summary: str
    class_: str = Field(alias="class", pattern=r"^[A-Za-z0-9_.]+:[A-Za-z0-9_]+$")
    runs: str = Field("conductor", pattern="^(own-process|conductor|camera|inference)$")
    provides: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    extra: str = ""
    permissions: Permissions = Permissions()

    def missing(self) -> tuple[str, ...]:
        """Return the packages of `needs` that are not installed (found without importing them)."""
        return tuple(name for name in self.needs if importlib.util.find_spec(name.partition(".")[0]) is None)


def read_manifest(package: str) -> Manifest:
    """Read the manifest of an installed top-level package without importing it; BadSetting names what is wrong."""
    spec = importlib.util.find_spec(package.partition(".")[0])
    if spec is None or not spec.submodule_search_locations:
        raise BadSetting(f"plugin package {package} is not installed", cure="Install it, or remove its entry point.")
    path = Path(next(iter(spec.submodule_search_locations))) / "plugin.toml"
    try:
        return Manifest.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise BadSetting(f"{package} has no plugin.toml", cure="A plugin describes itself in plugin.toml.") from None
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise BadSetting(f"{path.name} of {package}: {error}", cure="Mend the manifest.") from error
