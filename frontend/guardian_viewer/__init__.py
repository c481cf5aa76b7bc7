"""The viewer's bundle: the static files by which a browser far away looks at home. The edge and a relay serve the same ones.

Each file has its SHA-256 in `manifest.json`, which a release signs (`packaging/viewer/sign.py`, `signed.py`): nothing else is served, and
nothing at all where the files are not the manifest's. Other people's packages name one another by their names, which a worker cannot
resolve: here they become paths.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from guardian_viewer.signed import BadBundle, Build, check

__all__ = ["HEADERS", "Asset", "BadBundle", "Build", "bundle", "check", "checked", "manifest", "release_key", "served"]

HERE = Path(__file__).resolve().parent
STATIC, READER, PAGES = HERE / "static", HERE.parent / "guardian_reader", HERE.parent / "guardian_frontend" / "static" / "js"
MANIFEST, SIGNATURE, RELEASE_KEY = "manifest.json", "manifest.sig", "release.pub"
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "worker-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "media-src blob:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
_MEDIA = {
    ".html": "text/html",
    ".mjs": "text/javascript",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain",
}
_BYTES = "application/octet-stream"
_IMPORT = re.compile(r"""(\bfrom\s*|\bimport\s*)(["'])@noble/([^"']+)\2""")
_BORROWED = ("mse.js", "mp4.js")  # what the pages play recordings with


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is served."""

    body: bytes
    media: str
    sha256: str


@cache
def bundle() -> dict[str, Asset]:
    """Return every file by its path, but for the manifest and its signature."""
    files = {path.relative_to(STATIC).as_posix(): path.read_bytes() for path in sorted(STATIC.rglob("*")) if path.is_file()}
    files["reader/reader.mjs"] = (READER / "reader.mjs").read_bytes()
    packages = READER / "vendor" / "@noble"
    for path in sorted(packages.rglob("*")):
        if path.suffix == ".js" or path.name == "LICENSE":
            name = path.relative_to(packages).as_posix()
            files[f"reader/noble/{name}{'.txt' if path.name == 'LICENSE' else ''}"] = path.read_bytes()
    for name in _BORROWED:
        files[f"player/{name}"] = (PAGES / name).read_bytes()
    files["qr/index.js"] = (HERE / "vendor" / "qr" / "index.js").read_bytes()
    files["qr/LICENSE.txt"] = (HERE / "vendor" / "qr" / "LICENSE").read_bytes()
    return {name: _asset(name, _resolved(name, body)) for name, body in sorted(files.items())}


def _resolved(name: str, body: bytes) -> bytes:
    if not name.startswith("reader/") or not name.endswith((".js", ".mjs")):
        return body
    up = "../" * (len(PurePosixPath(name).parts) - 2) or "./"
    return _IMPORT.sub(lambda m: f"{m[1]}{m[2]}{up}noble/{m[3]}{m[2]}", body.decode()).encode()


def _asset(name: str, body: bytes) -> Asset:
    media = _MEDIA.get(PurePosixPath(name).suffix, _BYTES)
    return Asset(body, media, hashlib.sha256(body).hexdigest())


def manifest() -> bytes:
    """Return the manifest: every file with its sum, and the policy that they are served under."""
    files = {name: asset.sha256 for name, asset in bundle().items()}
    return json.dumps({"format": 1, "policy": POLICY, "files": files}, indent=1).encode() + b"\n"


@cache
def checked() -> Build:
    """Return who signed what is here. BadBundle, each time, where it is not what the manifest says."""
    try:
        made = bundle()
    except OSError as error:
        raise BadBundle(f"{error.filename} cannot be read: {error.strerror}") from error
    found = {name: asset.sha256 for name, asset in made.items()}
    return check(_own(MANIFEST), found, POLICY, _own(SIGNATURE), _own(RELEASE_KEY))


def _own(name: str) -> bytes:
    try:
        return (HERE / name).read_bytes()
    except FileNotFoundError:
        return b""


def release_key() -> bytes:
    """Return the key that this build is signed by (PEM); empty in a development build."""
    return _own(RELEASE_KEY)


def served(name: str) -> Asset | None:
    """Return what is served at a path, or None. The signature of a development build is empty. BadBundle."""
    build = checked()
    if name == MANIFEST:
        return _asset(name, build.manifest)
    if name == SIGNATURE:
        return _asset(name, build.signature)
    return bundle().get(name or "index.html")
