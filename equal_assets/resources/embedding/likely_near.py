"""Which questions may be near a protected one, told by their tokens: the others need no model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from equal_assets.resources.embedding.embedder import BUNDLED_MODEL, bundled_model
from equal_assets.resources.embedding.english import tokenizer

LEAST_SIMILARITY = 0.8
"""Of questions that a rule calls near; what is less alike in meaning may share fewer tokens."""

LEAST_OVERLAP = 0.4
"""Cosine of two questions' tokens below which they are not compared by meaning. Of 1,403 real and
planted pairs of questions with a similarity of .8 and more, none has less than .42."""

LEAST_USUAL = 100
"""Questions that tell what is usual; with fewer, all questions are compared."""

BLOCK_QUESTIONS = 1024
"""Compared with all protected ones at once: bounds memory."""

COMMON = 1e-4
"""Frequency of a token at which it counts half, by Zipf's law: the vocabulary is in its order."""


class LikelyNear:
    """Finds questions that may be near one of some protected questions.

    Parameters
    ----------
    protected : sequence of str
    usual : sequence of str
        Questions of the corpus: what all questions share says nothing, and is left out.
    """

    def __init__(self, protected: Sequence[str], usual: Sequence[str]) -> None:
        own = _token_sums(protected)
        self._center = (own.mean(axis=0) + _token_sums(usual).mean(axis=0)) / 2
        self._protected = self._unit(own)

    @classmethod
    def of_model(
        cls, model: str, protected: Sequence[str], usual: Sequence[str], *, similarity: float
    ) -> LikelyNear | None:
        """Return the filter, or None where nothing is known of its misses: all are compared."""
        is_measured = model == BUNDLED_MODEL and similarity >= LEAST_SIMILARITY
        if not (is_measured and protected and len(usual) >= LEAST_USUAL):
            return None
        return cls(protected, usual)

    def __call__(self, questions: Sequence[str]) -> np.ndarray:
        """Return for each question whether it may be near a protected one, shape (n_questions,)."""
        found = [np.zeros(0, dtype=bool)]
        for start in range(0, len(questions), BLOCK_QUESTIONS):
            block = self._unit(_token_sums(questions[start : start + BLOCK_QUESTIONS]))
            found.append((block @ self._protected.T >= LEAST_OVERLAP).any(axis=1))
        return np.concatenate(found)

    def _unit(self, sums: np.ndarray) -> np.ndarray:
        rows = sums - self._center
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def _token_sums(questions: Sequence[str]) -> np.ndarray:
    """Return the weighted sum of each question's tokens, scaled to unit length."""
    weights = _token_vectors()
    found = tokenizer().encode_batch(list(questions), add_special_tokens=False)
    sums = np.stack([weights[encoding.ids].sum(axis=0) for encoding in found])
    return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)


@cache
def _token_vectors() -> np.ndarray:
    """Return what the packaged model knows of each token alone; the rarer, the longer."""
    from safetensors import safe_open  # here: few processes need it

    with safe_open(str(bundled_model() / "model.safetensors"), framework="numpy") as weights:
        name = next(key for key in weights.keys() if key.endswith("word_embeddings.weight"))  # noqa: SIM118 - not a dict
        vectors = weights.get_tensor(name).astype(np.float32)
    vectors -= vectors.mean(axis=0)
    ranks = np.arange(1, len(vectors) + 1)
    frequencies = (1.0 / ranks) / np.sum(1.0 / ranks)
    return vectors * (COMMON / (COMMON + frequencies))[:, None].astype(np.float32)
