import uuid

import pytest
from guardian_cloud.model.secret_word import Word, fits, read

WORD = Word(str(uuid.UUID(int=7)), b"selector", bytes(range(32)))


def test_a_word_is_read_as_it_was_written():
    text = WORD.text("gce")
    assert read(text, "gce") == WORD
    assert read(f" {text}\n", "gce") == WORD
    assert fits(WORD, WORD.digest)


@pytest.mark.parametrize(
    "text", ["", "gce_", "gci_" + "A" * 75, "gce_" + "A" * 74, "gce_" + "A" * 76, "gce_" + "!" * 75, "gce_" + "é" * 75]
)
def test_what_is_no_word_is_none(text):
    assert read(text, "gce") is None


def test_another_secret_or_no_row_does_not_fit():
    assert not fits(Word(WORD.tenant, WORD.selector, bytes(32)), WORD.digest)
    assert not fits(WORD, None)


def test_a_word_does_not_show_itself():
    assert "AAEC" not in repr(WORD)
    assert repr(WORD) == "Word(…)"
