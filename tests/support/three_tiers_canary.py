"""Everything that is known at home alone, every place of relay, cloud and the wires between where none of it may be, and leaks that are
planted there to show that they would be found.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import aio_pika
import redis

from guardian.protocol.v1 import events_pb2 as events
from guardian.vault.keyring import Keyring
from tests.plugins.filecoin.world import SESSION_KEY
from tests.support import canary, postgres
from tests.support.canary import Canaries, memory
from tests.support.house import PASSPHRASE
from tests.support.program import wait_for
from tests.support.relay_lab import CAMERA, NAME
from tests.support.three_tiers import CAMERA_PASSWORD, CAMERA_USER, PHONE_NAME, ZONE, Tiers, footage
from tests.support.three_tiers_network import CLOUD

SPACED = json.dumps({"label": "person"})[1:-1]
Contents = Iterator[tuple[str, bytes]]


def secrets(tiers: Tiers) -> dict[str, set[bytes]]:
    """Return what nobody but home may have, in every shape in which it may be written."""
    vault = tiers.data / "vault"
    ring = Keyring.load(vault)
    ring.unlock(PASSPHRASE)
    link = json.loads((tiers.data / "plugins/wireguard/relay.json").read_bytes())
    viewing = json.loads((vault / "viewing.json").read_text())
    code = tiers.recovery_code
    codes = (code, code.lower(), code.replace("-", ""), code.replace("-", "").lower())
    return {
        "footage": canary.footage(footage()),
        "passphrase": canary.secret(PASSPHRASE),
        "recovery code": {shape for one in codes for shape in canary.secret(one)},
        "camera": canary.secret(CAMERA),
        "camera's name": canary.secret(NAME),
        "camera's password": canary.secret(CAMERA_PASSWORD) | canary.shapes(f"{CAMERA_USER}:{CAMERA_PASSWORD}".encode()),
        "zone": canary.secret(ZONE),
        "label": canary.secret(SPACED) | canary.secret(SPACED.replace(" ", "")),
        "phone's name": canary.secret(PHONE_NAME),
        "event": {form for one in tiers.at_home("events?limit=200")["items"] for form in canary.secret(one["id"])},
        "vault's key": {shape for key in ring._private.values() for shape in canary.shapes(bytes(key))},
        "viewing key": canary.secret(viewing["secret"]) | canary.shapes(base64.b64decode(viewing["secret"])),
        "edge's keys": canary.secret(link["keys"]["current"]["private"]) | canary.secret(link["signing"]),
        "archive's key": canary.secret(SESSION_KEY) | canary.shapes(bytes.fromhex(SESSION_KEY[2:])),
        "login": canary.secret(tiers.home.token),
    }


def _files(folder: Path) -> Contents:
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        with contextlib.suppress(FileNotFoundError):  # it went while we looked
            yield str(path), os.fsencode(path) + b"\n" + path.read_bytes()


def relay_disk(tiers: Tiers) -> Contents:
    """Settings, keys, store, clips and log of the relay."""
    yield from _files(tiers.relay.folder)


def cloud_disk(tiers: Tiers) -> Contents:
    """Settings, authority and log of the cloud."""
    yield from _files(tiers.cloud.folder)


def database(tiers: Tiers) -> Contents:
    """PostgreSQL's files with its write-ahead log and its log, and all of it as text."""
    pg = tiers.servers.postgres
    with tiers.network.inside("cloud"):
        pg.ask("postgres", "CHECKPOINT")
        dump = subprocess.run(
            [postgres.programs() / "pg_dumpall", "-h", "127.0.0.1", "-p", str(pg.port), "-U", "postgres"],
            capture_output=True,
            check=True,
        )
    yield "dump", dump.stdout
    yield from _files(pg.folder)


def redis_disk(tiers: Tiers) -> Contents:
    """What Redis holds, as it would write it to a disk."""
    with tiers.network.inside("cloud"), redis.Redis.from_url(tiers.servers.redis.url) as client:
        client.save()
    yield from _files(tiers.servers.redis.folder)


def queue_disk(tiers: Tiers) -> Contents:
    """Queues and log of RabbitMQ."""
    yield from _files(tiers.servers.rabbit.folder)


def wires(tiers: Tiers) -> Contents:
    """Every frame on every link: outside the home, within the tunnel, and between the cloud and its servers."""
    for name, one in tiers.captures.items():
        assert one.lost() == 0, f"{name}: not everything was seen"
        yield name, bytes(one.data)


def processes(tiers: Tiers) -> dict[str, int]:
    """Return what runs at relay and cloud."""
    assert tiers.relay.process is not None
    assert tiers.cloud.process is not None
    planted = {f"planted {pid}": pid for pid in tiers.planted}  # first: they are soon looked through
    return planted | {
        "relay": tiers.relay.process.pid,
        "cloud": tiers.cloud.process.pid,
        "redis": tiers.servers.redis.process.pid,
    }


def memories(tiers: Tiers) -> Contents:
    """The memory of each, its command line and its environment."""
    for name, pid in processes(tiers).items():
        yield f"memory of {name}", memory(pid)
        for part in ("cmdline", "environ"):
            yield f"{part} of {name}", Path(f"/proc/{pid}/{part}").read_bytes()


def answers(tiers: Tiers) -> Contents:
    """What both say to whoever watches over them."""
    for name, port, paths in (
        ("relay", 9480, ("healthz", "metrics", "status")),
        ("cloud", 8480, ("healthz", "api/v1/openapi.json")),
    ):
        for path in paths:
            with tiers.network.inside(name), urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=10) as answer:
                yield f"{name} /{path}", answer.read()
    yield "cloud's doctor", tiers.cloud.command("doctor").encode()


def strangers(tiers: Tiers) -> Contents:
    """What the push service was sent, opened as the cloud had it, and what lies at the archive's provider."""
    for _, body, _ in tiers.world.push.got:
        yield "push", body
    for piece, data in list(tiers.world.provider.parked.items()):  # it is given more meanwhile
        yield f"piece {piece}", data


PLACES: dict[str, Callable[[Tiers], Contents]] = {
    one.__name__: one
    for one in (relay_disk, cloud_disk, database, redis_disk, queue_disk, wires, memories, answers, strangers)
}


def found(canaries: Canaries, tiers: Tiers, places: Iterable[str] = tuple(PLACES)) -> tuple[list[str], int]:
    """Return `place: content: secret` for all that is where it must not be, and how many bytes were looked through."""
    lines, size = [], 0
    for place in places:
        for name, content in PLACES[place](tiers):
            size += len(content)
            lines += [f"{place}: {name}: {word}" for word in sorted(canaries.within(content))]
    return lines, size


def is_in(canaries: Canaries, tiers: Tiers, place: str, word: str) -> bool:
    """Say whether a secret is found in a place; that it is, is known at the first trace of it."""
    return any(word in canaries.within(content) for _, content in PLACES[place](tiers))


@dataclass(frozen=True)
class Leak:
    """A secret that somebody lets out on purpose."""

    word: str
    place: str
    plant: Callable[[Tiers], None]


def _append(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)


def _note(tiers: Tiers) -> None:
    tiers.owner.post(f"/tenants/{tiers.tenant}/invitations", {"role": "guest", "note": NAME})


def _in_redis(tiers: Tiers) -> None:
    with tiers.network.inside("cloud"), redis.Redis.from_url(tiers.servers.redis.url) as client:
        client.set("leak", base64.b64encode(b"xy" + CAMERA_PASSWORD.encode() + b"z"))


def _in_queue(tiers: Tiers) -> None:
    async def publish() -> None:
        async with await aio_pika.connect(tiers.servers.rabbit.url) as connection:
            channel = await connection.channel()
            await channel.declare_queue("leak", durable=True, arguments={"x-queue-type": "quorum"})
            message = aio_pika.Message(
                json.dumps({"label": "person"}).encode(), delivery_mode=aio_pika.DeliveryMode.PERSISTENT
            )
            await channel.default_exchange.publish(message, "leak")

    with tiers.network.inside("cloud"):
        asyncio.run(publish())
    wait_for(lambda: b'"label"' in b"".join(content for _, content in queue_disk(tiers)), 20, "the queue's file")


def _on_wire(tiers: Tiers) -> None:
    piece = sorted(one for one in canary.footage(footage()) if len(one) == canary.PIECE)[0]
    with tiers.network.inside("relay"), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.sendto(b"RTP?" + piece, (CLOUD, 5004))
    time.sleep(0.5)


def _process(tiers: Tiers, *argv: str, said: str = "") -> None:
    code = "import sys; word = sys.stdin.readline(); print(flush=True); sys.stdin.readline()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    one = subprocess.Popen([sys.executable, "-c", code, *argv], text=True, **pipes)  # type: ignore[call-overload]
    one.stdin.write(said + "\n")
    one.stdin.flush()
    one.stdout.readline()
    tiers.planted[one.pid] = one


def _in_relay_store(tiers: Tiers) -> None:
    with contextlib.closing(sqlite3.connect(tiers.relay.state / "relay.db")) as db:
        db.execute("CREATE TABLE leak (word TEXT)")
        db.execute("INSERT INTO leak VALUES (?)", (tiers.recovery_code.replace("-", "").encode().hex(),))
        db.commit()


def _pushed(tiers: Tiers) -> None:
    body = events.Push(member=b"m" * 16, sealed=json.dumps({"camera": NAME}).encode()).SerializeToString()
    tiers.world.push.got.append(("phone", body, ""))


def _parked(tiers: Tiers) -> None:
    piece = sorted(one for one in canary.footage(footage()) if len(one) == canary.PIECE)[-1]
    tiers.world.provider.parked["leak"] = os.urandom(1000) + piece + os.urandom(1000)


LEAKS = {
    "a name in the cloud's database": Leak("camera's name", "database", _note),
    "a passphrase in the cloud's log": Leak(
        "passphrase",
        "cloud_disk",
        lambda tiers: _append(tiers.cloud.log, b'{"event":"unlock","with":"' + PASSPHRASE.encode() + b'"}\n'),
    ),
    "a recovery code in the relay's store": Leak("recovery code", "relay_disk", _in_relay_store),
    "a camera's password in Redis": Leak("camera's password", "redis_disk", _in_redis),
    "a label in the queue": Leak("label", "queue_disk", _in_queue),
    "footage on the wire": Leak("footage", "wires", _on_wire),
    "a camera's id as a file's name at the relay": Leak(
        "camera", "relay_disk", lambda tiers: (tiers.relay.state / f"{CAMERA}.clip").touch()
    ),
    "a zone in memory": Leak("zone", "memories", lambda tiers: _process(tiers, said=f"seen in {ZONE} at noon")),
    "a login in a command line": Leak("login", "memories", lambda tiers: _process(tiers, f"--token={tiers.home.token}")),
    "a name in a push": Leak("camera's name", "strangers", _pushed),
    "footage at the archive's provider": Leak("footage", "strangers", _parked),
    "an event's id in UTF-16 in the relay's log": Leak(
        "event",
        "relay_disk",
        lambda tiers: _append(tiers.relay.log, tiers.at_home("events?limit=200")["items"][-1]["id"].encode("utf-16-le")),
    ),
}
