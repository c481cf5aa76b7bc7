"""Somebody who has found an invitation and tries to join its relay. Usage: python -m tests.support.stranger < INVITATION; prints what the
relay says (a gRPC status).
"""

from __future__ import annotations

import asyncio
import ssl
import sys

import grpc

from guardian.protocol.pairing import read_invitation
from guardian.protocol.rpc import Stub
from guardian.protocol.v1 import link_pb2 as link
from tests.support.relay import Home


async def _try(text: str) -> str:
    invitation = read_invitation(text)
    host, _, port = invitation.address.rpartition(":")
    certificate = ssl.get_server_certificate((host, int(port)), timeout=10)
    options = [("grpc.ssl_target_name_override", "guardian-relay")]
    async with grpc.aio.secure_channel(
        invitation.address, grpc.ssl_channel_credentials(certificate.encode()), options
    ) as channel:
        stub = Stub(channel, link.DESCRIPTOR.services_by_name["Pairing"])
        try:
            await stub.Enrol(Home().request(invitation.code), timeout=10)
        except grpc.aio.AioRpcError as error:
            return str(error.code().name)
    return "OK"


if __name__ == "__main__":
    sys.stdout.write(asyncio.run(_try(sys.stdin.read().strip())))
