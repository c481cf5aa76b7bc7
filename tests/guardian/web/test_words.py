import pytest

from guardian.model.event import Attribute
from guardian.web.words import attribute, codec, label, sentence


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        (" ", " ."),
        ("the file is empty", "The file is empty."),
        ("Is it on?", "Is it on?"),
        ("run `guardian doctor`", "Run “guardian doctor”."),
        ("rtsp://10.0.0.5/live: nothing listens there", "rtsp://10.0.0.5/live: nothing listens there."),
        ("cameras.http.source: no address", "cameras.http.source: no address."),
        ("locked. Unlock it", "Locked. Unlock it."),
        ("/srv/yard.mp4: the file is empty", "/srv/yard.mp4: the file is empty."),
    ],
)
def test_messages_become_sentences_and_addresses_stay_as_they_are(text, shown):
    assert sentence(text) == shown


def test_codecs_are_named_as_people_write_them():
    assert [codec(name) for name in ("h264", "aac", "pcmu")] == ["H.264", "AAC", "G.711 µ-law"]


def test_labels_and_attributes_read_like_words():
    assert [label(text) for text in ("person", "smoke_alarm", "co_alarm", "")] == ["Person", "Smoke alarm", "CO alarm", ""]
    said = [("upper colour", "red"), ("lower colour", "black"), ("colour", "blue"), ("plate", "AB123")]
    assert [attribute(Attribute(name, value, 1)) for name, value in said] == [
        "red on top",
        "black below",
        "blue",
        "plate AB123",
    ]
