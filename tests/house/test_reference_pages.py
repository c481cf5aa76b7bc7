"""The pages of settings and commands say what the code says, and name every setting and command."""

import importlib.util
import sys
from pathlib import Path

import pytest

from guardian.cli._main import COMMANDS
from guardian.settings.explain import explain

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def made():
    spec = importlib.util.spec_from_file_location("reference", ROOT / "packaging/docs/reference.py")
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.path", list(sys.path))
        spec.loader.exec_module(module)
        return module.pages()


@pytest.mark.parametrize("name", ["settings.md", "cli.md", "cloud.md"])
def test_the_page_is_what_the_code_makes_of_it(made, name):
    page = (ROOT / "docs/reference" / name).read_text(encoding="utf-8")
    assert page == made[name], "run: python packaging/docs/reference.py"


def test_every_setting_and_command_is_there(made):
    for one in explain():
        assert f"| `{one.path}` |" in made["settings.md"]
    for name in COMMANDS:
        assert f"\n## guardian {name}\n" in made["cli.md"]
    for path in ("cameras.<name>.source.url", "notify.<name>.settings.url", "plugins.settings.folder.path"):
        assert f"| `{path}` |" in made["settings.md"]
