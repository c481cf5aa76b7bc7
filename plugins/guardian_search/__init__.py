"""Search by meaning: word vectors that the package wordllama carries inside; nothing is fetched."""

from collections.abc import Sequence

from guardian.sdk import Plugin, TextEmbedder, TextEmbedderKind, hookimpl

NAME = "wordllama-256"


class SearchPlugin(Plugin):
    """Brings the text embedder `wordllama-256`."""

    @hookimpl
    def register_text_embedders(self) -> Sequence[TextEmbedderKind]:
        return [TextEmbedderKind(NAME, "WordLlama word vectors", _make)]


def _make() -> TextEmbedder:
    from guardian_search.vectors import WordVectors  # numpy and 16 MB of vectors, only where they are used

    return WordVectors()
