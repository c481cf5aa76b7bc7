"""A plugin made for one test: a package with its manifest and entry point in a folder that other processes can be shown."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path


@contextlib.contextmanager
def plugin(site: Path, package: str, cls: str, source: str, provides: Sequence[str] = ()) -> Iterator[Path]:
    """Write it; yields the folder to put on PYTHONPATH."""
    name = package.removeprefix("guardian_")
    info = site / f"{package}-0.dist-info"
    (site / package).mkdir(parents=True)
    info.mkdir()
    (site / package / "__init__.py").write_text(source)
    (site / package / "plugin.toml").write_text(
        f'api = 1\nname = "{name}"\ntitle = "{name}"\nsummary = "For a test."\nclass = "{package}:{cls}"\n'
        f'runs = "inference"\nprovides = {json.dumps(list(provides))}\n'
    )
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package.replace('_', '-')}\nVersion: 0\n")
    (info / "entry_points.txt").write_text(f"[guardian.plugins]\n{name} = {package}:{cls}\n")
    yield site
