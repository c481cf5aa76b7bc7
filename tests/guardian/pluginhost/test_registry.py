import sys
from importlib.metadata import EntryPoint

import pytest

from guardian.model.errors import BadSetting
from guardian.pluginhost import discovery, registry
from guardian.pluginhost.discovery import Found, discover
from guardian.pluginhost.manifest import read_manifest
from guardian.pluginhost.registry import ContextMaker, PluginRegistry
from guardian.settings.schema import PluginsSettings

MANIFEST = 'api = {api}\nname = "{name}"\ntitle = "T"\nsummary = "S"\nclass = "{name}_pkg:P"\nneeds = {needs}\nextra = "x"\n'


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Makes importable plugin packages and pretends that they are installed."""
    monkeypatch.syspath_prepend(str(tmp_path))
    founds = []

    def make(name, code, api=1, needs="[]", manifest=True):
        folder = tmp_path / f"{name}_pkg"
        folder.mkdir()
        (folder / "__init__.py").write_text(code)
        if manifest:
            (folder / "plugin.toml").write_text(MANIFEST.format(name=name, api=api, needs=needs))
        founds.append(Found(name, f"{name}_pkg:P", "theirs", "1.0"))

    def load_class(name):
        module = __import__(f"{name}_pkg")
        return module.P

    monkeypatch.setattr(registry, "discover", lambda: tuple(founds))
    monkeypatch.setattr(registry, "load_class", load_class)
    yield make
    for name in list(sys.modules):
        if name.endswith("_pkg"):
            del sys.modules[name]


GOOD = "from guardian.sdk import Plugin, hookimpl, TrackerKind\nclass P(Plugin):\n @hookimpl\n def register_trackers(self):\n  return [TrackerKind('mine', 'Mine', object)]\n"


def states(tmp_path, **settings):
    found = PluginRegistry(PluginsSettings(**settings), ContextMaker(tmp_path))
    return {entry.found.name: (entry.state, entry.problem) for entry in found.entries}, found


def test_a_good_plugin_runs_and_its_kinds_are_known(package, tmp_path):
    package("good", GOOD)
    found, made = states(tmp_path)
    assert found["good"] == ("running", "")
    assert made.entries[0].hooks == ("register_trackers",)
    assert made.tracker("mine").title == "Mine"
    with pytest.raises(BadSetting, match="no tracker 'other'"):
        made.tracker("other")


def test_states_say_why(package, tmp_path):
    package("future", GOOD, api=99)
    package("lacking", GOOD, needs='["no_such_package_here"]')
    package("off", GOOD)
    package("bare", GOOD, manifest=False)
    package(
        "broken", "from guardian.sdk import Plugin\nclass P(Plugin):\n def __init__(self, *a):\n  raise RuntimeError('no')\n"
    )
    found, _ = states(tmp_path, disabled=("off",))
    assert found["future"][0] == "incompatible"
    assert found["lacking"] == ("needs-extra", "available: pip install 'private-ai-guardian[x]'")
    assert found["off"][0] == "disabled"
    assert "no plugin.toml" in found["bare"][1]
    assert found["broken"][0] == "failed"
    assert "RuntimeError: no" in found["broken"][1]


def test_wrong_settings_name_their_field(package, tmp_path):
    package("strict", GOOD)
    found, _ = states(tmp_path, settings={"strict": {"colour": "red"}})
    assert found["strict"][0] == "failed"
    assert "plugins.settings.strict.colour" in found["strict"][1]


SECRETIVE = """from pydantic import BaseModel
from guardian.sdk import Plugin
class P(Plugin):
 class Config(BaseModel):
  key: str = ""
"""


def test_a_secret_of_a_plugin_is_read_from_where_the_setting_says(package, tmp_path, monkeypatch):
    package("secretive", SECRETIVE)
    monkeypatch.setenv("PLUGIN_KEY", "open sesame")
    _, found = states(tmp_path, settings={"secretive": {"key": "env:PLUGIN_KEY"}})
    (entry,) = found.entries
    assert entry.instance.config.key == "open sesame"
    monkeypatch.delenv("PLUGIN_KEY")
    assert (
        "plugins.settings.secretive.key"
        in states(tmp_path, settings={"secretive": {"key": "env:PLUGIN_KEY"}})[0]["secretive"][1]
    )


def test_a_name_that_comes_twice_is_ours(monkeypatch):
    class Dist:
        def __init__(self, name):
            self.name, self.version = name, "1.0"

    def point(dist):
        made = EntryPoint("rtsp", f"{dist.replace('-', '_')}:P", discovery.GROUP)
        vars(made)["dist"] = Dist(dist)
        return made

    monkeypatch.setattr(discovery, "entry_points", lambda group: [point("evil-rtsp"), point(discovery.OWN_DISTRIBUTION)])
    first, second = discover()
    assert (first.distribution, first.shadowed_by) == (discovery.OWN_DISTRIBUTION, "")
    assert second.shadowed_by == f"{discovery.OWN_DISTRIBUTION} 1.0"


@pytest.mark.parametrize("name", ["webhook", "folder"])
def test_first_party_manifests_are_valid(name):
    assert read_manifest(f"guardian_{name}").name == name
