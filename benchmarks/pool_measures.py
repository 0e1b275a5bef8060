"""Statistics of a pool that need no language model: of its vectors and of how long answers are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pools import BUDGET, Ground, long_enough

from equal_assets.algorithms.judging.metrics import coverage
from equal_assets.algorithms.optimal_transport import cosine_cost, ot_cost
from equal_assets.algorithms.strategies.equal import EqualParameters, EqualStrategy
from equal_assets.records import CHARACTERS_PER_TOKEN
from equal_assets.settings import EqualSettings

LENGTH_COST = 0.2
"""Cosine distance that a factor of e in length costs, in `ot_length`."""


class Measures:
    """Statistics of the pools of one target; what does not depend on a pool is made once."""

    def __init__(self, ground: Ground) -> None:
        """Make the kernel of `equal` for the reference set."""
        self._ground = ground
        parameters = EqualParameters(**EqualSettings().model_dump())
        n = round(BUDGET * ground.data.corpus.n_documents)
        self._equal = EqualStrategy(
            ground.data.corpus,
            ground.reference,
            parameters,
            n_documents=n,
            rng=np.random.default_rng(0),
        )

    def of(self, pool: np.ndarray, answers: Sequence[str]) -> dict[str, float]:
        """Return all statistics of a pool by name."""
        reference = self._ground.reference
        vectors = self._ground.data.pair_embeddings[pool]
        lengths = np.array([len(answer) for answer in answers], dtype=float)
        cost = cosine_cost(vectors, reference.embeddings)
        apart = abs(np.log(lengths)[:, None] - np.log(reference.answer_lengths))
        share = float(long_enough(lengths, reference).mean())
        gains = self._gains(vectors, lengths)
        return {
            "n_pairs": float(len(pool)),
            "answer_tokens": float(lengths.sum() / CHARACTERS_PER_TOKEN),
            "median_answer_tokens": float(np.median(lengths) / CHARACTERS_PER_TOKEN),
            "ot": ot_cost(cost),
            "ot_length": ot_cost(cost + LENGTH_COST * apart),
            "coverage": coverage(1.0 - cost),
            "share_long_enough": share,
            **gains,
            **{f"{name} x share": gain * share for name, gain in gains.items()},
        }

    def _gains(self, vectors: np.ndarray, lengths: np.ndarray) -> dict[str, float]:
        """Return F, what `equal` maximizes, with several values of a pair."""
        mass = self._equal.kernel(vectors)
        relative = lengths / float(np.median(self._ground.reference.answer_lengths))
        enough = long_enough(lengths, self._ground.reference)
        values = {
            "F, v = 1": np.ones(len(lengths)),
            "F": np.minimum(1.0, relative),
            "F, long enough, v = 1": enough,
            "F, long enough": enough * np.minimum(1.0, relative),
            "F, long enough, v = length": enough * relative,
        }
        weights = self._ground.reference.weights
        return {
            name: float(weights @ np.log1p((mass * value[:, None]).sum(axis=0)))
            for name, value in values.items()
        }
