"""No path of a machine, no package host in the tree; every folder of code says what lives in it."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def tracked(*patterns):
    try:
        out = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [ROOT / name for name in out.decode().split("\0") if name and (ROOT / name).is_file()]


def test_no_path_of_a_machine_and_no_package_host():
    words = [
        b"/work/" + b"main",
        b"/work/" + b"shared",
        b"/root/" + b".pyenv",
        b"files.pythonhosted" + b".org",
        b"registry.npmjs" + b".org",
    ]
    wrong = [
        f"{path.relative_to(ROOT)}: {word.decode()}"
        for path in tracked()
        if path.stat().st_size < 1_000_000
        for word in words
        if word in path.read_bytes()
    ]
    assert wrong == []


def test_every_room_says_what_lives_in_it():
    rooms = {
        path.parent
        for path in tracked("guardian/*.py", "plugins/*.py", "relay/*.py", "cloud/*.py")
        if "migrations" not in path.parts
    }
    silent = [
        room
        for room in rooms
        if not (room / "__init__.py").exists() or not (room / "__init__.py").read_text().lstrip().startswith('"""')
    ]
    assert silent == []
