"""The doors of `guardian infer serve`: HTTP (GET /v1/model, POST /v1/detect) and gRPC (guardian/protocol/v1/inference.proto).

Beyond this machine only over TLS. A wrong token is answered late, and nothing but method, edge and outcome is ever logged.
"""

from __future__ import annotations

import asyncio
import ipaddress
import signal
import ssl
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web

from guardian.model.errors import BadSetting, GuardianError, NotAllowed, ServiceUnavailable
from guardian.processes.infer_service import MOST_BYTES, Edge, InferService

_log = structlog.get_logger(__name__)
WRONG_TOKEN_WAIT_S = 1.0
ANSWER_WITHIN_S = 30.0
GRPC_THREADS = 16
CODES = {400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 409: "ABORTED", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}
EDGE: web.RequestKey[Edge] = web.RequestKey("edge", Edge)
SERVICE: web.AppKey[InferService] = web.AppKey("service", InferService)


@dataclass(frozen=True, slots=True)
class Doors:
    """Where to listen. `grpc` may be empty. BadSetting from `check` when it would be unsafe."""

    http: str
    grpc: str = ""
    cert: Path | None = None
    key: Path | None = None

    def check(self) -> None:
        """Refuse what would send pictures over a network in the clear."""
        if (self.cert is None) != (self.key is None):
            raise BadSetting("--tls-cert and --tls-key belong together", field="tls-cert", cure="Give both.")
        for field, address in (("listen", self.http), ("grpc-listen", self.grpc)):
            if address and self.cert is None and not is_loopback(split(address, field)[0]):
                raise BadSetting(
                    f"--{field} {address} is beyond this machine, and pictures would travel in the clear",
                    field=field,
                    cure="Give --tls-cert and --tls-key, or listen at 127.0.0.1.",
                )


def split(address: str, field: str) -> tuple[str, int]:
    """Return host and port of HOST:PORT; BadSetting."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise BadSetting(f"--{field}: {address!r} is no HOST:PORT", field=field, cure="For example 127.0.0.1:8433.")
    return host.strip("[]"), int(port)


def is_loopback(host: str) -> bool:
    """Say whether an address cannot be reached from elsewhere. Names are believed only when they are `localhost`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def serve(service: InferService, doors: Doors, started: Callable[[str, str], None]) -> None:
    """Serve until SIGINT or SIGTERM. `started(http address, gRPC address)` once both listen."""
    asyncio.run(_serve(service, doors, started))


async def _serve(service: InferService, doors: Doors, started: Callable[[str, str], None]) -> None:
    ending, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ending.set)
    runner = web.AppRunner(http_app(service), access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    try:
        host, port = split(doors.http, "listen")
        try:
            await web.TCPSite(runner, host, port, ssl_context=_tls(doors)).start()
        except OSError as error:
            raise ServiceUnavailable(
                f"cannot listen at {doors.http}: {error.strerror}", cure="Choose another port."
            ) from error
        grpc_address, stop_grpc = grpc_door(service, doors) if doors.grpc else ("", lambda: None)
        bound = runner.addresses[0]
        started(f"{bound[0]}:{bound[1]}", grpc_address)
        await ending.wait()
        await asyncio.to_thread(stop_grpc)
    finally:
        await runner.cleanup()


def _tls(doors: Doors) -> ssl.SSLContext | None:
    if doors.cert is None or doors.key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_cert_chain(doors.cert, doors.key)
    except (OSError, ssl.SSLError) as error:
        raise BadSetting(
            f"certificate or key cannot be used: {error}", field="tls-cert", cure="Give PEM files that belong together."
        ) from error
    return context


# HTTP


def http_app(service: InferService) -> web.Application:
    """Return the application."""
    app = web.Application(client_max_size=MOST_BYTES, middlewares=[_guard])
    app[SERVICE] = service
    app.add_routes([web.get("/v1/model", _model), web.post("/v1/detect", _detect)])
    return app


@web.middleware
async def _guard(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        request[EDGE] = request.app[SERVICE].admit(request.headers.get("Authorization", ""))
        return await handler(request)
    except NotAllowed as error:
        _log.warning("wrong_token", door="http", peer=request.remote)
        await asyncio.sleep(WRONG_TOKEN_WAIT_S)
        return _problem(error)
    except GuardianError as error:
        return _problem(error)


def _problem(error: GuardianError) -> web.Response:
    body = {"code": error.code, "detail": error.message, "cure": error.cure, "field": error.field}
    return web.json_response(body, status=error.status)


async def _model(request: web.Request) -> web.Response:
    service = request.app[SERVICE]
    return web.json_response({**asdict(service.model), "revision": service.revision})


async def _detect(request: web.Request) -> web.Response:
    """Body: raw pixels. Headers X-Model-Revision and X-Count."""
    service, edge = request.app[SERVICE], request[EDGE]
    count = request.headers.get("X-Count", "")
    pictures = await request.read()
    asked = service.ask(edge, request.headers.get("X-Model-Revision", ""), int(count) if count.isdecimal() else 0, pictures)
    found = await asyncio.wait_for(asyncio.wrap_future(asked), ANSWER_WITHIN_S)
    labels = {label: number for number, label in enumerate(service.model.labels)}
    rows = [[[labels[d.label], d.score, d.box.x1, d.box.y1, d.box.x2, d.box.y2] for d in one] for one in found]
    return web.json_response({"pictures": rows})


# gRPC


def grpc_door(service: InferService, doors: Doors) -> tuple[str, Callable[[], None]]:
    """Begin to serve gRPC; return its address and how to end it. BadSetting without the extra."""
    try:
        import grpc
    except ImportError:
        raise BadSetting(
            "gRPC is not installed", field="grpc-listen", cure="pip install 'private-ai-guardian[grpc]', or use HTTP."
        ) from None
    from guardian.protocol.v1 import inference_pb2 as pb

    def admit(context: Any) -> Edge:
        try:
            return service.admit(dict(context.invocation_metadata()).get("authorization", ""))
        except NotAllowed as error:
            _log.warning("wrong_token", door="grpc")
            threading.Event().wait(WRONG_TOKEN_WAIT_S)
            context.abort(grpc.StatusCode.UNAUTHENTICATED, error.message)
            raise AssertionError from error  # abort does not return

    def describe(_: Any, context: Any) -> Any:
        admit(context)
        m = service.model
        own = {key: getattr(m, key) for key in ("backend", "device", "width", "height", "colour", "pad", "threshold")}
        return pb.Model(name=m.model, labels=m.labels, revision=service.revision, **own)

    def detect(request: Any, context: Any) -> Any:
        edge = admit(context)
        try:
            found = service.ask(edge, request.revision, request.count, request.pictures).result(ANSWER_WITHIN_S)
        except GuardianError as error:
            context.abort(getattr(grpc.StatusCode, CODES.get(error.status, "INTERNAL")), error.message)
            raise AssertionError from error
        labels = {label: number for number, label in enumerate(service.model.labels)}

        def one(d: Any) -> Any:
            return pb.Detection(label=labels[d.label], score=d.score, x1=d.box.x1, y1=d.box.y1, x2=d.box.x2, y2=d.box.y2)

        return pb.DetectReply(pictures=[pb.Found(detections=[one(d) for d in picture]) for picture in found])

    def method(work: Any, request: Any, reply: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(
            work, request_deserializer=request.FromString, response_serializer=reply.SerializeToString
        )

    handlers = {
        "Describe": method(describe, pb.DescribeRequest, pb.Model),
        "Detect": method(detect, pb.DetectRequest, pb.DetectReply),
    }
    limits = [("grpc.max_receive_message_length", MOST_BYTES), ("grpc.so_reuseport", 0)]
    server = grpc.server(ThreadPoolExecutor(GRPC_THREADS, "grpc"), options=limits)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("guardian.inference.v1.Inference", handlers),))
    host, port = split(doors.grpc, "grpc-listen")
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        if doors.cert is not None and doors.key is not None:
            pair = [(doors.key.read_bytes(), doors.cert.read_bytes())]
            bound = server.add_secure_port(address, grpc.ssl_server_credentials(pair))
        else:
            bound = server.add_insecure_port(address)
    except (RuntimeError, OSError) as error:
        raise ServiceUnavailable(f"cannot listen at {doors.grpc}: {error}", cure="Choose another port.") from error
    server.start()
    return f"{host}:{bound}", lambda: server.stop(1.0).wait()
