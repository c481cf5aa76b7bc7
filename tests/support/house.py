"""A data folder as its owner would set it up: a vault that is opened at the start, and a config."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from guardian.vault.keyring import Keyring
from tests.support.program import Program, environment, guardian

PASSPHRASE = "a passphrase for tests"
ALL = "start=2020-01-01T00:00:00Z&end=2100-01-01T00:00:00Z"


def set_up(data: Path, config: str) -> None:
    """Make the folder; `config` is TOML without `[web]` and `[vault]`."""
    data.mkdir(mode=0o700)
    Keyring.create(data / "vault", PASSPHRASE, now_us=0).lock()
    (data / "passphrase").write_text(PASSPHRASE + "\n")
    (data / "config.toml").write_text(f'[web]\nport = 0\n[vault]\nunlock_file = "{data}/passphrase"\n{config}')
    (data / "config.toml").chmod(0o600)


@contextlib.contextmanager
def running(data: Path) -> Iterator[Program]:
    """Run Guardian on the folder, and have a token for it."""
    with guardian("run", "--data", str(data)) as program:
        program.token = command("token", "create", "test", "--data", str(data))["token"]
        yield program


def command(*words: str, code: int = 0) -> dict[str, Any]:
    """Run a command with --json and return its answer."""
    done = subprocess.run(
        [sys.executable, "-m", "guardian", *words, "--json"], capture_output=True, text=True, env=environment(), check=False
    )
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    answer = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(answer, dict)
    return answer


def camera(name: str, kind: str, source: dict[str, Any], more: str = "") -> str:
    """Return a camera's TOML; it is not watched."""
    fields = ", ".join(f"{key} = {json.dumps(value)}" for key, value in source.items())
    return f'[cameras.{name}]\nkind = "{kind}"\nsource = {{ {fields} }}\n{more}[cameras.{name}.detect]\nenabled = false\n'
