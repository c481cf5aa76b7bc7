"""A text's vector: the mean of its tokens' vectors, of length 1. Files are read where the package wordllama put them; its
own code, which would ask a model hub for what it misses, is not run.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from guardian.sdk import BadSetting

WEIGHTS, TOKENS = "weights/l2_supercat_256.safetensors", "tokenizers/l2_supercat_tokenizer_config.json"


class WordVectors:
    """Implements `TextEmbedder`: 256 dimensions, 32,000 tokens, some 50 microseconds a text."""

    def __init__(self) -> None:
        folder = _folder()
        self._tokens = Tokenizer.from_file(str(folder / TOKENS))
        self._weights: NDArray[np.float16] = load_file(str(folder / WEIGHTS))["embedding.weight"]

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one vector a text; of a text without a token, zeros."""
        vectors = np.zeros((len(texts), self._weights.shape[1]), np.float32)
        for row, coded in enumerate(self._tokens.encode_batch(list(texts), add_special_tokens=False)):
            if coded.ids:
                mean = self._weights[coded.ids].astype(np.float32).mean(axis=0)
                vectors[row] = mean / max(1e-9, float(np.linalg.norm(mean)))
        return vectors


def _folder() -> Path:
    spec = importlib.util.find_spec("wordllama")
    folder = Path(spec.origin).parent if spec is not None and spec.origin else Path()
    for name in (WEIGHTS, TOKENS):
        if not (folder / name).is_file():
            raise BadSetting(
                f"the installed wordllama holds no {name}",
                cure="pip install --force-reinstall 'private-ai-guardian[search]'",
            )
    return folder
