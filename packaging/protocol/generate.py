"""Makes guardian/protocol/v1/*_pb2.py from the .proto files beside them: `python packaging/protocol/generate.py`.

Needs PyPI's grpcio-tools 1.85.1 (in tests/requirements.txt); its code wants protobuf 7.35 or newer, as the extra [grpc] says.
`--check` changes nothing and fails when what is committed is not what would be made.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "guardian" / "protocol" / "v1"


def made() -> dict[Path, bytes]:
    """Return the code by path."""
    from grpc_tools import protoc

    with tempfile.TemporaryDirectory() as folder:
        sources = sorted(str(path.relative_to(ROOT)) for path in FOLDER.glob("*.proto"))
        if protoc.main(["protoc", f"-I{ROOT}", f"--python_out={folder}", f"--pyi_out={folder}", *sources]):
            raise SystemExit("protoc failed")
        return {ROOT / path.relative_to(folder): path.read_bytes() for path in sorted(Path(folder).rglob("*.py*"))}


def main(arguments: list[str]) -> int:
    """Write, or check."""
    wrong = [path for path, code in made().items() if not path.is_file() or path.read_bytes() != code]
    if "--check" in arguments:
        print("\n".join(f"{path.relative_to(ROOT)} is not what its .proto makes: run this script" for path in wrong))
        return 1 if wrong else 0
    for path, code in made().items():
        path.write_bytes(code)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
