"""Every hook is documented with its arguments and has a policy, and a first-party plugin uses it."""

import inspect
import re
from pathlib import Path

import pytest

from guardian.hookspecs import POLICIES, Hooks

ROOT = Path(__file__).parents[2]
HOOKS = sorted(name for name in vars(Hooks) if not name.startswith("_"))
UNUSED_SO_FAR = {"startup", "camera_changed", "event_started", "event_updated"}  # may only shrink


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_is_documented_with_its_arguments(hook):
    arguments = ", ".join(list(inspect.signature(getattr(Hooks, hook)).parameters)[1:])
    text = (ROOT / "docs/reference/hooks.md").read_text(encoding="utf-8")
    assert f"`{hook}({arguments})`" in text
    assert hook in POLICIES


@pytest.mark.parametrize("hook", HOOKS)
def test_a_first_party_plugin_uses_it(hook):
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "plugins").rglob("*.py"))
    used = re.search(rf"@hookimpl\s+(async )?def {hook}\(", code) is not None
    assert used != (hook in UNUSED_SO_FAR)
