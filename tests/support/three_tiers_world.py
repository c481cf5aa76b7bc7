"""What a home and a cloud call on the Internet: an identity provider, a push service, an archive provider with its chain; and the TLS
proxy before the cloud. All of them real servers, with certificates of one authority of the test.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from pathlib import Path

from aiohttp import web

from tests.plugins.filecoin.world import PAYEE, PAYER, SESSION_ADDRESS
from tests.support.authority import Authority
from tests.support.oidc_provider import OidcProvider
from tests.support.pdp_server import PdpServer
from tests.support.push_service import PushService
from tests.support.three_tiers_network import CLOUD, WORLD, Internet, There

IDENTITY_PORT, PROVIDER_PORT = 8443, 9443
OWNER, MEMBER = "olga", "vera"


class Certificates:
    """An authority, the file in which programs find it, and server certificates."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._authority = folder, Authority()
        self.root = folder / "authority.pem"
        self.root.write_bytes(self._authority.root_pem)

    def files(self, address: str) -> tuple[Path, Path]:
        """Return (chain, key) of a server at an address."""
        chain, key = (self._folder / f"{address}.{what}.pem" for what in ("chain", "key"))
        if not chain.exists():
            key_pem, chain_pem = self._authority.server(address)
            chain.write_bytes(chain_pem)
            key.write_bytes(key_pem)
        return chain, key

    def server(self, address: str) -> ssl.SSLContext:
        """Return what a server there shows."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*self.files(address))
        return context

    def client(self) -> ssl.SSLContext:
        """Return what a client believes."""
        return ssl.create_default_context(cafile=self.root)


class World:
    """The services, running."""

    def __init__(self, network: Internet, certificates: Certificates) -> None:
        self.identity = OidcProvider(client_secret="registered")
        self.push = PushService()
        self.provider = PdpServer(PAYEE, {SESSION_ADDRESS: (PAYER, {"CreateDataSet", "AddPieces"})})
        self._certificates = certificates
        for one in (OWNER, MEMBER):
            self.identity.add(one)
        self._there = There(network, "world")
        self._there.do(self._start())

    async def _start(self) -> None:
        tls = self._certificates.server(WORLD)
        await self.identity.start(IDENTITY_PORT, host=WORLD, tls=tls)
        await self.push.start(443, host=WORLD, tls=tls)
        self._runner = web.AppRunner(self.provider.app(), shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, WORLD, PROVIDER_PORT, ssl_context=tls).start()

    @property
    def provider_url(self) -> str:
        """Where the archive provider and its chain are."""
        return f"https://{WORLD}:{PROVIDER_PORT}/"

    def close(self) -> None:
        """End all."""
        self._there.do(self._stop())
        self._there.close()

    async def _stop(self) -> None:
        await self._runner.cleanup()
        await self.push.stop()
        await self.identity.stop()


class Front:
    """The TLS proxy that an operator puts before the cloud's page: it passes on what it hears, as it comes."""

    def __init__(self, network: Internet, certificates: Certificates, port: int) -> None:
        self._port, self._tls = port, certificates.server(CLOUD)
        self._there = There(network, "cloud")
        self._there.do(self._start())

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._pass_on, CLOUD, 443, ssl=self._tls)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ssl.SSLError):
            inner, outer = await asyncio.open_connection("127.0.0.1", self._port)
            try:
                ways = [asyncio.ensure_future(_pump(reader, outer)), asyncio.ensure_future(_pump(inner, writer))]
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
            finally:
                outer.close()
        writer.close()

    def close(self) -> None:
        """End it."""

        async def stop() -> None:
            self._server.close()

        self._there.do(stop())
        self._there.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
