"""The demo: what to record when there is no camera, and who may look. The bundled clip lies beside this file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from guardian.model.errors import BadSetting
from guardian.platform.files import make_private_dir, replace_file
from guardian.settings.schema import CameraSettings, Settings, StorageSettings, WebSettings
from guardian.vault.passphrase import generate_passphrase

CLIP = Path(__file__).with_name("clip.mp4")


@dataclass(frozen=True, slots=True)
class Login:
    """Who may look, and what opens the vault."""

    user: str
    password: str
    passphrase: str


def credentials(data_dir: Path, *, keep: bool, random: Callable[[int], bytes]) -> Login:
    """Return fresh credentials, or those kept in a demo folder from last time (a demo's folder keeps them beside its data:
    never do that with footage that matters)."""
    path = data_dir / "demo-login.json"
    if keep and path.exists():
        return Login(**json.loads(path.read_text(encoding="utf-8")))
    if keep and (data_dir / "vault").exists():
        raise BadSetting(
            f"{data_dir} holds a real vault, not a demo",
            field="--data",
            cure="Choose another folder, or use `guardian run`.",
        )
    login = Login("owner", random(9).hex(), generate_passphrase())
    if keep:
        make_private_dir(data_dir)
        replace_file(path, json.dumps(asdict(login)).encode())
    return login


def demo_settings(sources: tuple[str, ...], port: int) -> Settings:
    """Return settings that record the given sources, or the bundled clip."""
    cameras: dict[str, CameraSettings] = {}
    for source in sources or (str(CLIP),):
        name, settings = camera_of(source)
        unique, n = name, 2
        while unique in cameras:
            unique, n = f"{name[:28]}-{n}", n + 1
        cameras[unique] = settings
    return Settings(web=WebSettings(port=port), storage=StorageSettings(max_gb=2.0, reserve_gb=0.2), cameras=cameras)


def camera_of(source: str) -> tuple[str, CameraSettings]:
    """Return a camera id and settings for a URL, a file, a video device, or the word `testpattern`."""
    scheme = urlsplit(source).scheme.lower() if "://" in source else ""
    if scheme in ("rtsp", "rtsps"):
        host = urlsplit(source).hostname or "camera"
        return _id(f"{host}-{Path(urlsplit(source).path).stem}"), CameraSettings(
            kind="rtsp", name=f"Camera {host}", source={"url": source}
        )
    if scheme:
        raise BadSetting(
            f"{scheme}:// is no kind of camera", field="--source", cure="Use an rtsp:// URL, a video file, or /dev/videoN."
        )
    if source == "testpattern":
        return "testpattern", CameraSettings(kind="testpattern", name="Test pattern")
    if source.startswith("/dev/"):
        return _id(source), CameraSettings(kind="usb", name=f"USB camera {source}", source={"device": source})
    path = Path(source).expanduser().resolve()
    title = "Demo yard" if path == CLIP else path.stem.replace("_", " ").capitalize()
    return ("demo" if path == CLIP else _id(path.stem)), CameraSettings(kind="file", name=title, source={"path": str(path)})


def _id(text: str) -> str:
    return re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-_")[:32].strip("-_") or "camera"
