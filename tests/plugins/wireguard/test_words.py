"""What leaves the house says in the clear only what docs/security.md accounts for."""

import json

import pytest
from guardian_wireguard.words import message, of_event, opaque

from guardian.model.event import Event, EventState, Happening, HappeningKind, PathPoint
from guardian.model.vision import Box
from guardian.processes.relaying import seal_text
from guardian.protocol.v1 import events_pb2 as events
from guardian.vault.keyring import Keyring
from guardian.vault.reader import open_bytes
from tests.support.canary import Canaries, secret

NOW_US = 1_795_392_000_123_456
BOX = Box(0.1, 0.2, 0.3, 0.9)
NAME = "019ac2f0-0000-7000-8000-000000000001"


@pytest.fixture(scope="module")
def keyring(tmp_path_factory):
    return Keyring.create(tmp_path_factory.mktemp("v"), "correct horse battery", now_us=NOW_US)


def visit(points=3):
    return Event(
        "019ac2f0-0000-7000-8000-0000000000ee", "canarydoor", "canaryperson", 0.91, NOW_US, NOW_US + 5_000_000, EventState.ENDED,
        zones=("canaryzone",), snapshot="canarydoor/x.pgp", snapshot_box=BOX,
        path=tuple(PathPoint(NOW_US + n, BOX) for n in range(points)),
        happenings=(Happening("canaryzone", HappeningKind.ENTER, NOW_US),), sub_label="canaryname",
    )  # fmt: skip


def made(keyring, event):
    camera = opaque(b"k" * 32, event.camera)
    seal = lambda *what: seal_text(keyring, *what)  # noqa: E731
    return message(of_event("end", event), events.KIND_CLASS_CHANGE, camera, NAME, NOW_US, seal)(7)


def test_the_vault_opens_it_and_nobody_else_reads_a_word(keyring):
    one = made(keyring, visit())
    said = json.loads(open_bytes(one.sealed, keyring)[1])
    assert (said["what"], said["event"]["label"], said["event"]["box"]) == ("end", "canaryperson", [0.1, 0.2, 0.3, 0.9])
    words = ("canarydoor", "canaryperson", "canaryzone", "canaryname", visit().id, "0.91")
    assert Canaries({word: secret(word) for word in words}).within(one.SerializeToString()) == set()


def test_the_clear_header_has_the_second_and_no_camera(keyring):
    one = made(keyring, visit())
    header, _ = open_bytes(one.sealed, keyring)
    assert (header.camera, header.stream, header.codecs, header.start_mono_us) == ("", "", "", 0)
    assert header.start_utc_us == one.time_s * 1_000_000 == NOW_US // 1_000_000 * 1_000_000
    assert header.segment_id.replace("-", "") == one.id.hex()


def test_lengths_are_of_three_classes(keyring):
    sizes = {len(made(keyring, visit(points)).sealed) for points in (0, 1, 5, 20, 2000)}
    assert sizes <= {4096, 16384, 65536}
    assert len(made(keyring, visit(3)).sealed) == len(made(keyring, visit(0)).sealed)


def test_a_cameras_id_is_the_same_each_time_and_another_in_another_home():
    assert opaque(b"k" * 32, "door") == opaque(b"k" * 32, "door")
    assert len({opaque(b"k" * 32, "door"), opaque(b"k" * 32, "yard"), opaque(b"l" * 32, "door")}) == 3


def test_the_fields_of_the_open_part_are_the_ones_that_are_accounted_for():
    from pathlib import Path

    page = (Path(__file__).parents[3] / "docs/security.md").read_text(encoding="utf-8")
    for field in events.Event.DESCRIPTOR.fields:
        assert f"| `{field.name}` |" in page, field.name
