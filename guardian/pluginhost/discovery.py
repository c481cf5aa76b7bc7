"""Which plugins are installed, from entry points of the group `guardian.plugins`. Runs none of their code."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

GROUP = "guardian.plugins"
OWN_DISTRIBUTION = "private-ai-guardian"


@dataclass(frozen=True, slots=True)
class Found:
    """An entry point: plugin `name`, `value` (module:Class), and the distribution that brings it."""

    name: str
    value: str
    distribution: str
    version: str
    shadowed_by: str = ""

    @property
    def package(self) -> str:
        """Top-level package."""
        return self.value.partition(":")[0].partition(".")[0]


def _found(point: EntryPoint) -> Found:
    dist = point.dist
    return Found(point.name, point.value, dist.name if dist else "", dist.version if dist else "")


def discover() -> tuple[Found, ...]:
    """Return all plugins by name; where a name comes twice, our own wins, then the first by distribution, and the others
    are marked as shadowed (they are never loaded)."""
    by_name: dict[str, list[Found]] = {}
    for point in entry_points(group=GROUP):
        found = _found(point)
        same = by_name.setdefault(found.name, [])
        if found not in same:
            same.append(found)
    result: list[Found] = []
    for name in sorted(by_name):
        first, *others = sorted(by_name[name], key=lambda f: (f.distribution != OWN_DISTRIBUTION, f.distribution))
        result.append(first)
        winner = f"{first.distribution} {first.version}"
        result += [Found(o.name, o.value, o.distribution, o.version, shadowed_by=winner) for o in others]
    return tuple(result)
