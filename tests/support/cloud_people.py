"""People and relays for tests of the cloud: they come by HTTP and gRPC, as in life."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import time
import uuid
from urllib.parse import parse_qs, urlsplit

import aiohttp
import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from guardian.model.ids import uuid7
from guardian.protocol.v1.control_pb2 import FromCloud, FromRelay, Hello, RenewReply, RenewRequest
from guardian.protocol.v1.events_pb2 import Event, EventBatch


class Browser:
    """Somebody's browser: cookies, and the CSRF word of the page."""

    def __init__(self, base, provider, subject, tls=True):
        self.base, self.provider, self.subject = base, provider, subject
        connector = aiohttp.TCPConnector(ssl=tls)
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), connector=connector)
        self.csrf = ""
        self.user = ""

    async def login(self):
        async with self.http.get(f"{self.base}/login/start", allow_redirects=False) as answer:
            assert answer.status == 303, await answer.text()
            there = answer.headers["Location"]
        async with self.http.get(f"{there}&login_hint={self.subject}", allow_redirects=False) as answer:
            back = answer.headers["Location"]
        back = f"{self.base}{urlsplit(back).path}?{urlsplit(back).query}"
        async with self.http.get(back, allow_redirects=False) as answer:
            assert answer.status == 303, await answer.text()
        async with self.http.get(f"{self.base}/homes") as answer:
            self.csrf = re.search(r'name="csrf-token" content="([^"]+)"', await answer.text())[1]
        self.user = (await self.get("/me"))["user"]
        return self

    async def ask(self, method, path, body=None, **options):
        headers = {"X-CSRF-Token": self.csrf, **options.pop("headers", {})}
        async with self.http.request(method, f"{self.base}/api/v1{path}", json=body, headers=headers, **options) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else None

    async def get(self, path, **options):
        status, body = await self.ask("GET", path, **options)
        assert status == 200, body
        return body

    async def post(self, path, body, expect=201):
        status, answer = await self.ask("POST", path, body)
        assert status == expect, answer
        return answer

    async def page(self, path, form=None):
        method = "GET" if form is None else "POST"
        data = None if form is None else {"csrf": self.csrf, **form}
        async with self.http.request(method, f"{self.base}{path}", data=data) as answer:
            return answer.status, await answer.text()

    async def close(self):
        await self.http.close()


def new_key():
    return ec.generate_private_key(ec.SECP256R1())


def request_for(key):
    """A request that claims to be somebody else: nothing in it but the key may count."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "admin")])
    san = x509.SubjectAlternativeName([x509.UniformResourceIdentifier("spiffe://guardian/t/evil/relay/evil")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name).add_extension(san, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def pem_key(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def pem_chain(chain):
    return b"".join(x509.load_der_x509_certificate(one).public_bytes(serialization.Encoding.PEM) for one in chain)


class Relay:
    """A relay's side of control.proto."""

    def __init__(self, control, root, key, chain, device, tenant):
        self.control, self.root, self.key, self.chain, self.device, self.tenant = control, root, key, chain, device, tenant
        self.channel = None

    @classmethod
    async def enrol(cls, base, code):
        key = new_key()
        body = {"code": code, "certificate_request": base64.b64encode(request_for(key)).decode()}
        async with aiohttp.ClientSession() as http, http.post(f"{base}/api/v1/enrolments", json=body) as answer:
            made = await answer.json()
            assert answer.status == 201, made
        chain = [base64.b64decode(one) for one in made["chain"]]
        return cls(made["control"], made["root"].encode(), key, chain, made["device"], made["tenant"])

    def connect(self):
        credentials = grpc.ssl_channel_credentials(self.root, pem_key(self.key), pem_chain(self.chain))
        self.channel = grpc.aio.secure_channel(self.control, credentials)
        return self.channel

    def exchange(self):
        if self.channel is None:
            self.connect()
        return self.channel.stream_stream(
            "/guardian.control.v1.Control/Exchange",
            request_serializer=FromRelay.SerializeToString,
            response_deserializer=FromCloud.FromString,
        )()

    async def open(self, version="1.0"):
        """Open a stream; return it and the welcome."""
        call = self.exchange()
        await call.write(FromRelay(hello=Hello(version=version, outbox_first=1)))
        first = await call.read()
        if first is grpc.aio.EOF:
            raise grpc.aio.AioRpcError(await call.code(), None, None, await call.details())
        assert first.WhichOneof("what") == "welcome"
        return call, first.welcome

    async def renew(self):
        if self.channel is None:
            self.connect()
        key = new_key()
        method = self.channel.unary_unary(
            "/guardian.control.v1.Control/Renew",
            request_serializer=RenewRequest.SerializeToString,
            response_deserializer=RenewReply.FromString,
        )
        reply = await method(RenewRequest(certificate_request=request_for(key)))
        self.key, self.chain = key, list(reply.chain)
        await self.close()

    async def close(self):
        if self.channel is not None:
            await self.channel.close()
            self.channel = None


async def next_of(call, what, seconds=10):
    """Read until a message of a kind comes."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        message = await call.read()
        if message is grpc.aio.EOF:
            raise AssertionError(f"the stream ended: {await call.code()} {await call.details()}")
        if message.WhichOneof("what") == what:
            return getattr(message, what)
    raise AssertionError(f"no {what} came")


def event_id():
    return uuid.UUID(uuid7(time.time_ns() // 1_000_000, os.urandom(10))).bytes


def make_event(serial=1, *, kind=1, camera=b"c" * 16, sealed=None, size=1, push=(), id=None):
    return Event(
        id=id or event_id(), camera=camera, serial=serial, time_s=int(time.time()), kind=kind, size=size,
        sealed=sealed if sealed is not None else os.urandom(1024), push=push,
    )  # fmt: skip


def batch(first, *events):
    return FromRelay(events=EventBatch(first=first, events=events))


class Stream:
    """A listener to server-sent events."""

    def __init__(self, browser, tenant, last=None):
        self.browser, self.tenant, self.last = browser, tenant, last
        self.events = asyncio.Queue()

    async def __aenter__(self):
        headers = {} if self.last is None else {"Last-Event-ID": str(self.last)}
        timeout = aiohttp.ClientTimeout(total=None)
        self.answer = await self.browser.http.get(
            f"{self.browser.base}/api/v1/tenants/{self.tenant}/stream", headers=headers, timeout=timeout
        )
        assert self.answer.status == 200, await self.answer.text()
        assert self.answer.content_type == "text/event-stream"
        assert (await self.answer.content.readline()).startswith(b"retry:")
        self.task = asyncio.ensure_future(self._read())
        return self

    async def _read(self):
        fields = {}
        async for line in self.answer.content:
            text = line.decode().rstrip("\n")
            if text and not text.startswith(":"):
                name, _, value = text.partition(": ")
                fields[name] = value
            elif not text and "event" in fields:
                await self.events.put((fields["event"], int(fields.get("id", 0)), json.loads(fields["data"])))
                fields = {}
        await self.events.put(("end", 0, None))

    async def next(self, kind="event", seconds=10):
        async with asyncio.timeout(seconds):
            while True:
                found = await self.events.get()
                if found[0] == kind or found[0] == "end":
                    return found

    async def __aexit__(self, *_):
        self.task.cancel()
        self.answer.close()


def code_of(url):
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
