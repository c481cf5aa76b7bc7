"""gRPC by the services' descriptors: a stub for who calls, handlers for who serves.

No generated *_pb2_grpc.py: it would demand at import the very grpcio that made it, or a newer one, and repeat what the
descriptor says already. Here a method that the .proto lacks cannot be called, and one that nobody implements is refused at start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import wraps
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

KINDS = {
    (False, False): "unary_unary",
    (False, True): "unary_stream",
    (True, False): "stream_unary",
    (True, True): "stream_stream",
}
# A message is at most 1 MiB of sealed bytes and its frame, or a batch of events (docs/protocol.md#limits).
MAX_MESSAGE = 4 << 20
OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", MAX_MESSAGE),
    ("grpc.enable_http_proxy", 0),
)


class Stub:
    """`Stub(channel, DESCRIPTOR.services_by_name["Link"]).Exchange(...)`; works with grpc and grpc.aio channels."""

    def __init__(self, channel: Any, service: ServiceDescriptor) -> None:
        for method in service.methods:
            request, reply = _classes(method)
            call = getattr(channel, KINDS[method.client_streaming, method.server_streaming])(
                f"/{service.full_name}/{method.name}",
                request_serializer=request.SerializeToString,
                response_deserializer=reply.FromString,
            )
            setattr(self, method.name, call)

    def __getattr__(self, name: str) -> Any:  # what __init__ has not set
        raise AttributeError(f"the service has no method {name}")


async def write(call: Any, message: Any) -> None:
    """Write to a stream of grpc.aio. The RpcError of a stream that has ended, where grpc would say only that it has."""
    try:
        await call.write(message)
    except asyncio.InvalidStateError:
        import grpc

        status = (await call.code(), await call.initial_metadata(), await call.trailing_metadata(), await call.details())
        raise grpc.aio.AioRpcError(*status) from None


class Calls:
    """The calls that handlers are in. Whoever hangs up cancels a handler, and a server that stops cancels it again, and does not wait:
    then what it holds, such as a connection of a database, is closed under its hands. Here a handler is cancelled once, and can be waited for.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Future[Any]] = set()

    async def ended(self, within_s: float = 5.0) -> None:
        """Wait for those that are under way."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=within_s)

    def counted(self, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """Return a method of a service (a coroutine, no generator) that is counted while it runs."""

        @wraps(method)
        async def call(request: Any, context: Any) -> Any:
            work = asyncio.ensure_future(method(request, context))
            self._tasks.add(work)
            work.add_done_callback(self._tasks.discard)
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                work.cancel()
                while not work.done():
                    with suppress(asyncio.CancelledError):
                        await asyncio.wait({work})
                raise

        return call


def handlers(service: ServiceDescriptor, implementation: object, calls: Calls | None = None) -> Any:
    """Return what a server of grpc.aio serves a service with: every method of it, by the implementation's method of the same name."""
    import grpc

    found = {}
    for method in service.methods:
        request, reply = _classes(method)
        make = getattr(grpc, f"{KINDS[method.client_streaming, method.server_streaming]}_rpc_method_handler")
        found[method.name] = make(
            getattr(implementation, method.name) if calls is None else calls.counted(getattr(implementation, method.name)),
            request_deserializer=request.FromString,
            response_serializer=reply.SerializeToString,
        )
    return grpc.method_handlers_generic_handler(service.full_name, found)


def _classes(method: MethodDescriptor) -> tuple[Any, Any]:
    return message_factory.GetMessageClass(method.input_type), message_factory.GetMessageClass(method.output_type)
