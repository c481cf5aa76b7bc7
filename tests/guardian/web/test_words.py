import pytest

from guardian.web.words import codec, sentence


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
