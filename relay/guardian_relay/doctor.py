"""What of this machine keeps the relay from working, and what to do."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from guardian.platform.clock import SystemClock
from guardian_relay.certificate import Certificate
from guardian_relay.errors import RelayError
from guardian_relay.gateway import gateway_tls, viewer_build
from guardian_relay.settings import RelaySettings, host_port

_CAP_NET_ADMIN = 12
LITTLE_SPACE = 1 << 30


@dataclass(frozen=True, slots=True)
class Finding:
    """`level`: ok, info, warning, error."""

    check: str
    level: str
    message: str
    cure: str = ""


def may_change_network(status: str = "/proc/self/status") -> bool:
    """Whether this process has CAP_NET_ADMIN."""
    try:
        lines = Path(status).read_text(encoding="ascii").splitlines()
        mask = next(int(line.split()[1], 16) for line in lines if line.startswith("CapEff:"))
    except (OSError, StopIteration, ValueError, IndexError):
        return False
    return bool(mask >> _CAP_NET_ADMIN & 1)


def examine(settings: RelaySettings) -> Iterator[Finding]:
    """Yield one finding after another."""
    yield from _programs()
    yield from _privilege()
    yield from _state(settings)
    yield from _address(settings)
    yield from _cloud(settings)
    yield from _gateway(settings)
    yield from _viewer()


def _programs() -> Iterator[Finding]:
    for program, package in (("wg", "wireguard-tools"), ("ip", "iproute2"), ("nft", "nftables")):
        if shutil.which(program):
            yield Finding(program, "ok", "there")
        else:
            yield Finding(program, "error", f"there is no `{program}`", f"apt install {package}")
    kernel = Path("/sys/module/wireguard").exists()
    if kernel:
        yield Finding("wireguard", "ok", "in the kernel")
    elif shutil.which("wireguard-go"):
        tun = os.access("/dev/net/tun", os.R_OK | os.W_OK)
        level, cure = (
            ("ok", "") if tun else ("error", "Let this user open /dev/net/tun: `modprobe tun`, or the container's devices.")
        )
        yield Finding(
            "wireguard", level, "as a program (wireguard-go)" if tun else "wireguard-go cannot open /dev/net/tun", cure
        )
    else:
        yield Finding(
            "wireguard", "warning", "no module is loaded (it may load by itself), and no wireguard-go is there", "apt install wireguard-go"
        )  # fmt: skip


def _privilege() -> Iterator[Finding]:
    if may_change_network():
        yield Finding("privilege", "ok", "may make a tunnel (CAP_NET_ADMIN)")
    else:
        cure = "Run it by the systemd unit, which gives AmbientCapabilities=CAP_NET_ADMIN."
        yield Finding("privilege", "error", "this user may not make a tunnel", cure)


def _state(settings: RelaySettings) -> Iterator[Finding]:
    there = next(path for path in (settings.state, *settings.state.parents) if path.is_dir())
    if not os.access(there, os.W_OK):
        yield Finding("state", "error", f"{there} cannot be written", "Change its owner, or the setting `state`.")
        return
    if settings.state.is_dir() and settings.state.stat().st_mode & 0o077:
        yield Finding("state", "warning", f"other users may look into {settings.state}", f"chmod 700 {settings.state}")
    free = shutil.disk_usage(there).free
    if free < LITTLE_SPACE:
        yield Finding("disk", "warning", f"{free >> 20} MiB free", "Make room, or lower clips.quota_mib.")
    else:
        yield Finding("disk", "ok", f"{free >> 30} GiB free")


def _address(settings: RelaySettings) -> Iterator[Finding]:
    host, _ = host_port(settings.pairing.address)
    try:
        socket.getaddrinfo(host, None)
    except OSError as error:
        yield Finding(
            "address", "warning", f"pairing.address: {host}: {error.strerror}", "Homes have to find it by that name."
        )
    else:
        yield Finding("address", "ok", host)


def _cloud(settings: RelaySettings) -> Iterator[Finding]:
    certificate = Certificate(settings.state, settings.cloud.ca_file, SystemClock())
    if not settings.cloud.address and not certificate.address:
        yield Finding("cloud", "info", "none: events are kept here only")
        return
    if not certificate.there:
        yield Finding("cloud", "error", "this relay has no certificate", "guardian-relay enrol")
        return
    try:
        left = certificate.left()
    except (OSError, ValueError):
        yield Finding("cloud", "error", "the certificate cannot be read", "guardian-relay enrol, with a new code")
        return
    if left <= 0:
        yield Finding("cloud", "error", "the certificate has ended", "guardian-relay enrol, with a new code")
    else:
        yield Finding("cloud", "ok", f"{left:.0%} of the certificate's life is left")


def _gateway(settings: RelaySettings) -> Iterator[Finding]:
    if not settings.gateway.listen:
        return
    try:
        gateway_tls(settings.gateway)
    except RelayError as error:
        yield Finding("gateway", "error", error.message, error.cure)
    else:
        yield Finding("gateway", "ok", "its certificate and key can be used")


def _viewer() -> Iterator[Finding]:
    try:
        build = viewer_build()
    except RelayError as error:
        yield Finding("viewer", "error", error.message, error.cure)
        return
    if build.signed_by:
        yield Finding("viewer", "ok", f"the page is signed by {build.signed_by}")
    else:
        yield Finding("viewer", "info", "the page is of a development build: nobody has signed it")
