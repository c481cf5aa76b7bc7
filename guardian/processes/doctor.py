"""What is wrong with this machine, and what to do: codecs, hardware decoders, detector, disk, clock, port, memory."""

from __future__ import annotations

import importlib
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from guardian.model.errors import GuardianError
from guardian.model.health import Finding, Health
from guardian.platform.clock import Clock
from guardian.platform.subprocesses import run
from guardian.pluginhost.registry import PluginRegistry
from guardian.settings.schema import Settings
from guardian.vault.keyring import Keyring

DISK_TEST_BYTES = 32 * 1024 * 1024
SLOW_DISK_MB_S = 20.0  # 16 cameras at 8 Mb/s write 16 MB/s
LITTLE_SPACE = 10 * 10**9
LITTLE_MEMORY = 2 * 2**30
OK, INFO, WARNING, ERROR = Health.OK, Health.INFO, Health.WARNING, Health.ERROR


def examine(data_dir: Path, settings: Settings, registry: PluginRegistry, clock: Clock) -> Iterator[Finding]:
    """Yield one finding after another; a check that itself fails becomes a finding."""
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("python", _python),
        ("codecs", _codecs),
        ("hardware decoding", _hardware),
        ("plugins", lambda: _plugins(registry)),
        ("detector", lambda: _detector(data_dir, settings, clock)),
        ("memory", _memory),
        ("disk", lambda: _disk(data_dir, clock)),
        ("clock", _clock),
        ("port", lambda: _port(settings)),
        ("vault", lambda: _vault(data_dir)),
        ("unlock file", lambda: _unlock_file(data_dir, settings.vault.unlock_file)),
    ]
    for name, check in checks:
        try:
            yield from check()
        except (OSError, ImportError, GuardianError, ValueError) as error:
            yield Finding(name, WARNING, f"could not be checked: {error}")
    for health_check in registry.health_checks:
        try:
            yield from health_check.run()
        except Exception as error:  # noqa: BLE001 - foreign code: the check named in the finding
            yield Finding(health_check.name, WARNING, f"the plugin's check failed: {type(error).__name__}: {error}")


def _python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= (3, 11)
    yield Finding("python", OK if good else ERROR, f"Python {version}", "" if good else "Install Python 3.11 or newer.")


def _codecs() -> Iterator[Finding]:
    av = importlib.import_module("av")
    needed = {"h264": "H.264", "hevc": "H.265", "aac": "AAC", "opus": "Opus"}
    lacking = [title for name, title in needed.items() if name not in av.codecs_available]
    if lacking:
        yield Finding("codecs", ERROR, f"cannot decode {', '.join(lacking)}", "Reinstall the package `av` from its wheel.")
    else:
        yield Finding("codecs", OK, f"H.264, H.265, AAC and Opus by PyAV {av.__version__}")
    if "libx264" not in av.codecs_available:
        yield Finding(
            "transcode", WARNING, "no H.264 encoder: H.265 cameras play only where the browser can", "Reinstall `av`."
        )


def _hardware() -> Iterator[Finding]:
    nodes = sorted(Path("/dev/dri").glob("renderD*")) if Path("/dev/dri").is_dir() else []
    hardware = importlib.import_module("guardian.watch.hardware")
    kinds = hardware.candidates(hardware.AUTO)
    if not kinds:
        yield Finding("hardware decoding", INFO, "no graphics device: video is decoded by the processor")
        return
    for kind in kinds:
        yield Finding("hardware decoding", OK, f"{hardware.TITLES[kind]} ({kind}) is tried on each camera's first keyframe")
    closed = [str(node) for node in nodes if not os.access(node, os.R_OK | os.W_OK)]
    if closed:
        yield Finding("hardware decoding", WARNING, f"no access to {closed[0]}", "Add this user to the group `render`.")


def _plugins(registry: PluginRegistry) -> Iterator[Finding]:
    running = sum(1 for entry in registry.entries if entry.state == "running")
    yield Finding("plugins", OK, f"{running} running")
    for entry in registry.entries:
        if entry.state in ("failed", "incompatible", "shadowed"):
            yield Finding(f"plugin {entry.found.name}", WARNING, entry.problem, "See `guardian plugins list`.")
        elif entry.state == "needs-extra":
            yield Finding(f"plugin {entry.found.name}", INFO, entry.problem)


def _detector(data_dir: Path, settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Load what the settings name, as the inference process would, and show it a grey picture."""
    engines = importlib.import_module("guardian.processes.engines")
    said: list[str] = []
    with tempfile.TemporaryDirectory() as elsewhere:
        place = data_dir if data_dir.is_dir() else Path(elsewhere)
        try:
            engine = engines.engine_for(place, settings.detector, settings.plugins, said.append)
        except GuardianError as error:
            where = f" ({error.field})" if error.field else ""
            yield Finding("detector", ERROR, error.message + where, error.cure)
            return
        try:
            engine.try_once()
            began = clock.mono_s()
            engine.try_once()
            took_ms = 1000 * (clock.mono_s() - began)
            ready = engine.ready
        finally:
            engine.close()
    for text in said:
        yield Finding("detector", WARNING, text)
    what = f"{ready.model} by {ready.backend} on {ready.device}, {took_ms:.0f} ms a picture"
    yield Finding("detector", OK, what)


def _memory() -> Iterator[Finding]:
    memory = psutil.virtual_memory()
    text = f"{memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB free"
    if memory.available < LITTLE_MEMORY:
        yield Finding("memory", WARNING, text, "Guardian wants 300 MB and 80 MB a camera: end other programs.")
    else:
        yield Finding("memory", OK, text)


def _disk(data_dir: Path, clock: Clock) -> Iterator[Finding]:
    there = next(path for path in (data_dir, *data_dir.parents) if path.is_dir())
    free = psutil.disk_usage(str(there)).free
    if free < LITTLE_SPACE:
        yield Finding("disk space", WARNING, f"{free / 1e9:.1f} GB free", "A camera at 4 Mb/s fills 43 GB a day.")
    else:
        yield Finding("disk space", OK, f"{free / 1e9:.0f} GB free")
    if not os.access(there, os.W_OK):
        yield Finding("disk", ERROR, f"{there} cannot be written", "Choose another --data folder, or change its owner.")
        return
    speed = _write_speed(there, clock)
    if speed < SLOW_DISK_MB_S:
        yield Finding(
            "disk speed", WARNING, f"writes {speed:.0f} MB/s", "Record to an SSD or a hard disk, not to this medium."
        )
    else:
        yield Finding("disk speed", OK, f"writes {speed:.0f} MB/s")


def _write_speed(folder: Path, clock: Clock) -> float:
    """Measure a sequential write with fsync, in MB/s."""
    path = folder / f".guardian-doctor-{os.getpid()}"
    chunk = os.urandom(1024 * 1024)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        began = clock.mono_s()
        for _ in range(DISK_TEST_BYTES // len(chunk)):
            os.write(fd, chunk)
        os.fsync(fd)
        return DISK_TEST_BYTES / 1e6 / max(1e-6, clock.mono_s() - began)
    finally:
        os.close(fd)
        path.unlink()


def _clock() -> Iterator[Finding]:
    try:
        answer = run(["timedatectl", "show", "--property=NTPSynchronized"], timeout_s=3)
    except (FileNotFoundError, TimeoutError):
        answer = None
    if answer is None or answer.code != 0:
        yield Finding("clock", INFO, "cannot tell whether the clock is kept right", "Make sure that NTP is on.")
    elif "yes" in answer.out:
        yield Finding("clock", OK, "kept right by NTP")
    else:
        yield Finding("clock", WARNING, "not synchronised", "Turn NTP on: `timedatectl set-ntp true`.")


def _port(settings: Settings) -> Iterator[Finding]:
    host, port = settings.web.host, settings.web.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            yield Finding(
                "port",
                WARNING,
                f"{host}:{port} cannot be used: {error.strerror}",
                "Guardian may be running, or choose web.port.",
            )
            return
    yield Finding("port", OK, f"{host}:{port} is free")


def _vault(data_dir: Path) -> Iterator[Finding]:
    if not Keyring.exists(data_dir / "vault"):
        yield Finding("vault", INFO, f"none in {data_dir}", "Make one: `guardian vault init`.")
        return
    try:
        keyring = Keyring.load(data_dir / "vault")
    except GuardianError as error:
        yield Finding("vault", ERROR, error.message, error.cure)
        return
    yield Finding("vault", OK, f"there, key {keyring.epoch}")
    if keyring.recovery_created_us is None:
        yield Finding("vault", INFO, "it has no recovery code", "Make one: `guardian vault recovery-code`.")


def _unlock_file(data_dir: Path, name: str) -> Iterator[Finding]:
    """The passphrase in a file: a key for everybody who can read it."""
    if not name:
        return
    path = Path(name)
    try:
        state = path.stat()
    except OSError as error:
        yield Finding(
            "unlock file",
            WARNING,
            f"{path}: {error.strerror}",
            "Correct vault.unlock_file, or unlock by hand after a start.",
        )
        return
    if state.st_mode & 0o077:
        yield Finding(
            "unlock file",
            WARNING,
            f"other users of this machine can read {path}",
            f"`chmod 600 {path}`: it opens the vault.",
        )
    elif data_dir.is_dir() and state.st_dev == data_dir.stat().st_dev:
        yield Finding(
            "unlock file",
            INFO,
            f"{path} is on the disk of the footage: who takes that disk can watch everything",
            "Keep it on another one, or use a systemd credential bound to the TPM.",
        )
    else:
        yield Finding("unlock file", OK, f"{path}, for its owner alone")
