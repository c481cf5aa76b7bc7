"""Media that comes interleaved over TCP: however it is cut up, units come out whole, and hostile bytes do no harm."""

import contextlib
import random
import struct
import threading

import pytest
from guardian_rtsp import sdp
from guardian_rtsp.client import RtspClient, Track
from guardian_rtsp.depacket import depacketizer
from hypothesis import given, settings
from hypothesis import strategies as st

from guardian.sdk import Codec, DeviceFault

PAYLOAD_TYPE = 96
HEAD_BYTES = {Codec.H264: 1, Codec.H265: 2}


class Line:
    """A socket that gives what it was given, in the same pieces."""

    def __init__(self, pieces):
        self._pieces = [piece for piece in pieces if piece]

    def settimeout(self, seconds):
        pass

    def getsockopt(self, level, option):
        return 1 << 20

    def recv_into(self, view):
        if not self._pieces:
            raise TimeoutError
        piece = self._pieces.pop(0)
        taken, rest = piece[: len(view)], piece[len(view) :]
        if rest:
            self._pieces.insert(0, rest)
        view[: len(taken)] = taken
        return len(taken)


def client(codec, pieces, *, short_way=True):
    made = RtspClient("rtsp://camera/stream", 1.0, "camera")
    media = sdp.Media("video", PAYLOAD_TYPE, codec.value, codec, 90_000, 0, "trackID=0", {})
    track = Track(media, depacketizer(codec, {}), fragment_head=HEAD_BYTES[codec] + 1 if short_way else 0)
    made._tracks[0] = track
    made._sock = Line(pieces)
    made._kept_s = 1e12
    return made


def units_of(made):
    found = []
    while (came := made.read(0.5)) is not None:
        found.append((came.timestamp, came.data, came.is_key))
    return found


def unit(codec, size, seed, *, key=False):
    body = random.Random(seed).randbytes(size)
    head = bytes((5 if key else 1,)) if codec is Codec.H264 else bytes(((19 if key else 1) << 1, 1))
    return head + body


def rtp(sequence, timestamp, payload, marker, *, head=0x80):
    return struct.pack(">BBHII", head, marker << 7 | PAYLOAD_TYPE, sequence & 0xFFFF, timestamp, 7) + payload


def framed(packet, channel=0):
    return b"$" + bytes((channel,)) + len(packet).to_bytes(2, "big") + packet


def fragments(codec, whole, mtu):
    """Cut a unit as RFC 6184 (FU-A) and RFC 7798 (FU) say."""
    size = HEAD_BYTES[codec]
    if len(whole) <= mtu:
        return [whole]
    parts = [whole[at : at + mtu] for at in range(size, len(whole), mtu)]
    kind = whole[0] & 31 if codec is Codec.H264 else whole[0] >> 1 & 63
    indicator = bytes((whole[0] & 0xE0 | 28,)) if codec is Codec.H264 else bytes((whole[0] & 0x81 | 49 << 1, whole[1]))
    return [indicator + bytes((kind | (n == 0) << 7 | (n == len(parts) - 1) << 6,)) + part for n, part in enumerate(parts)]


def packets(codec, wholes, mtu, first_sequence=0):
    """Return (index of the access unit, RTP packet) in order; one access unit a picture."""
    made, sequence = [], first_sequence
    for n, whole in enumerate(wholes):
        cut = fragments(codec, whole, mtu)
        for at, payload in enumerate(cut):
            made.append((n, rtp(sequence, n * 6000, payload, at == len(cut) - 1)))
            sequence += 1
    return made


def in_pieces(data, sizes):
    at = 0
    for size in sizes:
        yield data[at : at + size]
        at += size
    yield data[at:]


def expected(wholes, without=frozenset()):
    return [(n * 6000, len(whole).to_bytes(4, "big") + whole, n == 0) for n, whole in enumerate(wholes) if n not in without]


@pytest.mark.parametrize("short_way", [True, False])
@settings(max_examples=60, deadline=None)
@given(
    codec=st.sampled_from([Codec.H264, Codec.H265]),
    sizes=st.lists(st.integers(1, 9000), min_size=1, max_size=6),
    mtu=st.sampled_from([60, 500, 1386]),
    first=st.sampled_from([0, 200, 65_500]),
    cuts=st.lists(st.integers(1, 4000), max_size=12),
)
def test_units_come_out_as_they_went_in_however_the_stream_is_cut(short_way, codec, sizes, mtu, first, cuts):
    wholes = [unit(codec, size, n, key=n == 0) for n, size in enumerate(sizes)]
    data = b"".join(framed(packet) for _, packet in packets(codec, wholes, mtu, first))
    made = client(codec, in_pieces(data, cuts), short_way=short_way)
    assert units_of(made) == expected(wholes)
    assert made.lost == 0


@settings(max_examples=60, deadline=None)
@given(codec=st.sampled_from([Codec.H264, Codec.H265]), drop=st.lists(st.integers(0, 59), min_size=1, max_size=4))
def test_a_lost_packet_costs_its_own_unit_and_no_other(codec, drop):
    wholes = [unit(codec, 5800, n, key=n == 0) for n in range(6)]
    all_of_them = packets(codec, wholes, 600)
    gone = set(drop)
    stream = [framed(packet) for at, (_, packet) in enumerate(all_of_them) if at not in gone]
    hurt = {all_of_them[at][0] for at in gone}
    first_after = {all_of_them[at + 1][0] for at in gone if at + 1 < len(all_of_them)}  # it shows the gap: is it its victim?
    found = units_of(client(codec, [b"".join(stream)]))
    found_times = {time // 6000 for time, _, _ in found}
    assert not found_times & hurt
    assert found_times >= set(range(6)) - hurt - first_after
    assert all(data == expected(wholes)[time // 6000][1] for time, data, _ in found)


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
def test_a_picture_of_several_slices_is_one_unit_with_all_of_them(codec):
    slices = [unit(codec, 50 * 64 + size, seed, key=True) for seed, size in enumerate((0, 7, 0))]
    payloads = [payload for whole in slices for payload in fragments(codec, whole, 50)]
    stream = [framed(rtp(n, 0, payload, n == len(payloads) - 1)) for n, payload in enumerate(payloads)]
    assert units_of(client(codec, [b"".join(stream)])) == [
        (0, b"".join(len(whole).to_bytes(4, "big") + whole for whole in slices), True)
    ]


def test_answers_and_unknown_channels_between_packets_are_stepped_over():
    wholes = [unit(Codec.H264, 5000, n, key=n == 0) for n in range(3)]
    data = b""
    for _, packet in packets(Codec.H264, wholes, 700):
        data += framed(packet) + framed(b"x" * len(packet), channel=1) + b"RTSP/1.0 200 OK\r\nCSeq: 9\r\n\r\n"
    assert units_of(client(Codec.H264, [data])) == expected(wholes)


def test_padding_extensions_and_sources_are_left_out():
    whole = unit(Codec.H264, 300, 1, key=True)
    padded = rtp(0, 0, whole + b"\x00\x00\x03", 1, head=0xA0)
    extended = rtp(1, 6000, struct.pack(">IHH4x", 1, 9, 1) + whole, 1, head=0x91)
    assert [data for _, data, _ in units_of(client(Codec.H264, [framed(padded) + framed(extended)]))] == [
        expected([whole])[0][1]
    ] * 2


def test_delimiters_and_filler_are_left_out():
    stream = [framed(rtp(n, 0, data, n == 2)) for n, data in enumerate([b"\x09\xf0", b"\x05picture", b"\x0c\xff\xff\x80"])]
    assert units_of(client(Codec.H264, [b"".join(stream)])) == [(0, b"\x00\x00\x00\x08\x05picture", True)]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=300), st.binary(max_size=80).map(framed)), max_size=12), st.booleans())
def test_whatever_a_camera_sends_is_a_fault_at_worst(pieces, short_way):
    made = client(Codec.H264, pieces, short_way=short_way)
    with contextlib.suppress(DeviceFault):
        units_of(made)
    assert all(isinstance(came.data, bytes) for came in made._ready)


@pytest.mark.parametrize(
    ("gop_s", "age_s", "wait_s"),
    [
        (2.0, 0.0, 0.7),  # 2.1 s until the next keyframe is in: in three
        (2.0, 1.5, 0.6),
        (2.0, 1.9, 0.2),
        (2.0, 3.0, 1.0),  # it is late: as if nothing were known
        (0.5, 0.0, 0.6),
        (0.0, 0.0, 1.0),
    ],
)
def test_packets_gather_no_longer_than_until_the_next_keyframe(gop_s, age_s, wait_s):
    made = client(Codec.H264, [])
    made.allow_delay(1.0)
    made._gather_s = 1.0
    made._gop_ticks, made._newest = round(gop_s * 90_000), round(age_s * 90_000)
    assert made._wait_s() == pytest.approx(wait_s)


def test_gathering_as_long_as_may_be_waited_still_reads():
    made = client(Codec.H264, [framed(rtp(0, 0, unit(Codec.H264, 100, 1, key=True), True))])
    made.allow_delay(0.3)
    made._gather_s = 0.3
    assert made.read(0.2) is not None


def test_who_waits_for_packets_to_gather_is_woken_when_they_are_wanted_sooner():
    made = client(Codec.H264, [framed(rtp(0, 0, unit(Codec.H264, 100, 1, key=True), True))])
    made.allow_delay(60.0)
    made._gather_s, made._gop_ticks = 60.0, 60 * 90_000
    found = []
    reader = threading.Thread(target=lambda: found.append(made.read(1.0)))
    reader.start()
    made.allow_delay(0.0)
    reader.join(20)
    assert found[0].is_key
    made.allow_delay(0.3)
    assert not made._hurry.is_set()


def test_the_length_of_a_gop_is_learnt():
    frames = [(number, unit(Codec.H264, 100, number, key=number % 30 == 0)) for number in range(31)]
    made = client(Codec.H264, [framed(rtp(number, number * 6000, data, True)) for number, data in frames])
    assert len(units_of(made)) == 31
    assert made._gop_ticks == 180_000
