"""Vectors from the packaged model: of length 1, near where meanings are near, without any network."""

import socket

import numpy as np
import pytest

pytest.importorskip("wordllama", reason="the extra [search] is not installed")
from guardian_search.vectors import WordVectors


@pytest.fixture(scope="module")
def embedder():
    return WordVectors()


def test_vectors_have_length_one_and_an_empty_text_has_none(embedder):
    vectors = embedder.embed(["a person at the front door", ""])
    assert vectors.shape == (2, 256)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 0], abs=1e-5)


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [
        ("an automobile", "red car"),
        ("fire alarm", "smoke alarm"),
        ("kitty", "cat"),
        ("somebody at the entrance", "person at front door"),
    ],
)
def test_what_means_the_like_is_near(embedder, asked, nearest):
    known = ["red car", "smoke alarm", "cat", "person at front door", "bicycle"]
    near = embedder.embed(known) @ embedder.embed([asked])[0]
    assert known[int(near.argmax())] == nearest


def test_it_opens_no_connection(monkeypatch):
    def refuse(*_):
        raise AssertionError("it wanted the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    WordVectors().embed(["a person"])
