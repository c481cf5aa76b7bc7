"""Health, Prometheus metrics and status, for this machine alone: plain HTTP on a loopback address."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from guardian_relay.errors import RelayError
from guardian_relay.settings import host_port

Status = Callable[[], Awaitable[Mapping[str, Any]]]
# What is counted. None has a label that a home could fill.
METRICS = {
    "edge_connected": ("gauge", "Whether the home is connected."),
    "edge_copied": ("gauge", "Whether two have spoken with the keys of the home since the start."),
    "edge_silent_seconds": ("gauge", "Since the home last said something."),
    "cloud_connected": ("gauge", "Whether the cloud is connected."),
    "cloud_tries": ("counter", "Connections to the cloud that ended."),
    "events": ("gauge", "Events that are kept."),
    "events_waiting": ("gauge", "Events that the cloud does not have."),
    "events_dropped": ("counter", "Events dropped before the cloud had them."),
    "events_refused": ("counter", "Events of a wrong shape."),
    "clips": ("gauge", "Sealed segments that are kept."),
    "clip_bytes": ("gauge", "Their size."),
    "viewers": ("gauge", "Viewers that are connected."),
    "viewers_refused": ("counter", "Viewers that were turned away."),
    "handshake_age_seconds": ("gauge", "Since the tunnel last shook hands."),
    "tunnel_received_bytes": ("counter", "Through the tunnel."),
    "tunnel_sent_bytes": ("counter", "Through the tunnel."),
    "tunnel_restarts": ("counter", "Of the tunnel's program."),
    "tunnel_forgotten": ("counter", "Times that a silent home was set anew, in case its clock went back."),
    "tunnel_rotation": ("gauge", "Number of the tunnel's keys."),
    "clock_ahead_of_cloud_seconds": ("gauge", "How far the clock here is ahead of the cloud's."),
    "clock_behind_edge_seconds": ("gauge", "How far the clock here is behind the home's."),
    "certificate_left": ("gauge", "How much of the certificate's life is left, 0 to 1."),
    "memory_bytes": ("gauge", "Resident."),
    "disk_free_bytes": ("gauge", "In the state folder."),
}


def metrics_text(values: Mapping[str, Any]) -> str:
    """Return Prometheus's text format."""
    lines = []
    for name, (kind, words) in METRICS.items():
        if isinstance(value := values.get(name), bool | int | float):
            full = f"guardian_relay_{name}" + ("_total" if kind == "counter" else "")
            lines += [
                f"# HELP {full} {words}",
                f"# TYPE {full} {kind}",
                f"{full} {float(value):g}" if value != int(value) else f"{full} {int(value)}",
            ]
    return "\n".join([*lines, ""])


def health_app(status: Status) -> web.Application:
    """`/healthz`: 200 while store and tunnel work (a home or cloud that is away is no fault of the relay); `/metrics`; `/status`."""

    async def healthz(_: web.Request) -> web.Response:
        values = await status()
        problems = values["problems"]
        return web.Response(status=503 if problems else 200, text="\n".join(problems or ["ok"]) + "\n")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(text=metrics_text(await status()), headers={"Content-Type": "text/plain; version=0.0.4"})

    async def all_of_it(_: web.Request) -> web.Response:
        return web.Response(text=json.dumps(dict(await status())), content_type="application/json")

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/metrics", metrics), web.get("/status", all_of_it)])
    return app


async def open_health(listen: str, status: Status) -> web.AppRunner:
    """Listen; RelayError."""
    runner = web.AppRunner(health_app(status), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, *host_port(listen)).start()
    except (OSError, ValueError) as error:
        await runner.cleanup()
        raise RelayError(f"health.listen {listen}: {error}", cure="Choose another port.", field="health.listen") from error
    return runner
