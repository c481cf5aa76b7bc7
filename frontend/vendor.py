"""Copy third-party scripts into the package, as vendor.toml says: `python frontend/vendor.py [--check]`.

Packages come through `npm pack`, from whatever registry npm is set to. Every file must have the sum that is written down.
With --check nothing is fetched: only what is there is compared.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
USUAL = "guardian_frontend/static/vendor"


def fetch(package: str, version: str, into: Path) -> Path:
    """Fetch a package and return its archive."""
    done = subprocess.run(
        ["npm", "pack", "--silent", "--ignore-scripts", f"{package}@{version}"],
        cwd=into,
        check=True,
        capture_output=True,
        text=True,
    )
    return into / done.stdout.strip().splitlines()[-1]


def checked(data: bytes, sha256: str, name: str) -> bytes:
    """Return the data; exit where it is not what is written down."""
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise SystemExit(f"{name}: sha256 is {found}, vendor.toml says {sha256}")
    return data


def place(entry: dict[str, Any], file: dict[str, str]) -> Path:
    """Return where a file belongs: below the entry's `into`, or where the pages have theirs."""
    return HERE / entry.get("into", USUAL) / file["to"]


def copy(entry: dict[str, Any]) -> None:
    """Fetch one package and copy its files."""
    with (
        tempfile.TemporaryDirectory() as folder,
        tarfile.open(fetch(entry["package"], entry["version"], Path(folder))) as pack,
    ):
        for file in entry["files"]:
            member = pack.extractfile(f"package/{file['from']}")
            if member is None:
                raise SystemExit(f"{entry['package']} has no file {file['from']}")
            place(entry, file).parent.mkdir(parents=True, exist_ok=True)
            place(entry, file).write_bytes(checked(member.read(), file["sha256"], file["from"]))
            print(f"{file['to']}: {entry['package']} {entry['version']}, {entry['licence']}")


def main() -> None:
    """Copy, or compare."""
    entries = tomllib.loads((HERE / "vendor.toml").read_text())
    for entry in entries.values():
        if "--check" not in sys.argv[1:]:
            copy(entry)
        for file in entry["files"]:
            checked(place(entry, file).read_bytes(), file["sha256"], file["to"])


if __name__ == "__main__":
    main()
