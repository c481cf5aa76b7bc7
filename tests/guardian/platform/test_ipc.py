import asyncio
import os
import socket
import struct
import threading

import pytest

from guardian.model.messages import Attach, Hello, LiveFragment, Stop, WantLive
from guardian.platform.ipc import AsyncLink, BlockingLink, LinkClosed, encode


@pytest.fixture
def links():
    left, right = socket.socketpair()
    a, b = BlockingLink(left), BlockingLink(right)
    yield a, b
    a.close()
    b.close()


def test_messages_and_payloads_arrive_in_order(links):
    here, there = links
    here.send(WantLive("main", True))
    sender = threading.Thread(target=here.send, args=(LiveFragment("main", True, 7), b"\x00" * 300_000))
    sender.start()
    assert there.receive() == (WantLive("main", True), b"")
    message, payload = there.receive()
    sender.join(5)
    assert message == LiveFragment("main", True, 7)
    assert len(payload) == 300_000


def test_a_descriptor_rides_along(links):
    here, there = links
    read_end, write_end = os.pipe()
    here.send(Attach("door", 4, 1000), fd=write_end)
    message, _, fd = there.receive_with_fd()
    assert message == Attach("door", 4, 1000)
    os.write(fd, b"x")
    assert os.read(read_end, 1) == b"x"
    for descriptor in (read_end, write_end, fd):
        os.close(descriptor)


@pytest.mark.parametrize(
    "raw",
    [
        struct.pack(">II", 2**31, 0),
        struct.pack(">II", 2, 2**31) + b"{}",
        struct.pack(">II", 2, 0) + b"{}",
        struct.pack(">II", 19, 0) + b'{"type":"no such"}x',
        struct.pack(">II", 5, 0) + b"\x80\x04.xx",
    ],
    ids=["huge-json", "huge-payload", "no-type", "unknown", "pickle"],
)
def test_what_is_no_message_ends_the_link(raw):
    left, right = socket.socketpair()
    link = BlockingLink(right)
    left.sendall(raw)
    with pytest.raises(LinkClosed):
        link.receive()
    left.close()
    link.close()


def test_closing_wakes_the_reader(links):
    here, there = links
    errors = []

    def read():
        try:
            there.receive()
        except LinkClosed as error:
            errors.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    here.close()
    thread.join(5)
    assert errors


async def test_both_kinds_of_link_speak_alike(tmp_path):
    got = asyncio.Queue()

    async def accept(reader, writer):
        link = AsyncLink(reader, writer)
        got.put_nowait(await link.receive())
        link.send(Stop("enough"))
        await link.close()

    server = await asyncio.start_unix_server(accept, str(tmp_path / "s"))
    sock = socket.socket(socket.AF_UNIX)
    await asyncio.to_thread(sock.connect, str(tmp_path / "s"))
    link = BlockingLink(sock)
    link.send(Hello("camera", "door", 1, "s"))
    assert await got.get() == (Hello("camera", "door", 1, "s"), b"")
    assert await asyncio.to_thread(link.receive) == (Stop("enough"), b"")
    link.close()
    server.close()


def test_encoding_is_length_prefixed_json():
    data = encode(Stop("x"), b"abc")
    text, payload = struct.unpack(">II", data[:8])
    assert payload == 3
    assert data[8 + text :] == b"abc"
